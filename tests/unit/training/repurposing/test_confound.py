"""``memeguard data confound`` on a set on disk: what comes out, and what is refused."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.tiny import TinyBundle

from serving.cli import main
from training.data.group_splits import SplitConfig
from training.data.image_hashes import Fingerprint, fingerprint
from training.datasets import Sample, Source, load_source
from training.evaluation.metrics.bootstrap import Estimate
from training.repurposing import guards
from training.repurposing.guards import Leak, LeakError, check_counts, check_leaks, find_leaks
from training.repurposing.pool import read_pool
from training.repurposing.twins import MATCH, MISMATCH, Twins, make_twins

SPLITS = ("train", "dev", "test")


def confound(tiny: TinyBundle, memes: Path, out: Path, *options: object) -> Result:
    asked = [memes, "--out", out, "--bundle", tiny.bundle.path, "--cache", memes.parent / "cache", *options]
    return CliRunner().invoke(main, ["data", "confound", *map(str, asked)])


@pytest.fixture(scope="module", params=["random", "similar", "words"])
def made(
    request: pytest.FixtureRequest, tiny: TinyBundle, memes: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    out = tmp_path_factory.mktemp("made") / request.param
    result = confound(tiny, memes, out, "--swap", request.param, "--seed", 3)
    assert result.exit_code == 0, result.output
    return request.param, out


def read(out: Path) -> dict[str, list[Sample]]:
    return {split: load_source(Source(path=out, split=split, layout="generic")).samples for split in SPLITS}


def test_every_picture_is_once_true_and_once_false_in_one_split(made: tuple[str, Path]) -> None:
    seen: set[str] = set()
    for samples in read(made[1]).values():
        counts = Counter((sample.image, sample.labels["mismatch"]) for sample in samples)
        assert {label for _, label in counts} == {MATCH["mismatch"], MISMATCH["mismatch"]}
        assert set(counts.values()) == {1}
        own = {digest(sample) for sample in samples}
        assert seen.isdisjoint(own)
        seen |= own


def digest(sample: Sample) -> str:
    found = fingerprint(sample.image or Path())
    assert isinstance(found, Fingerprint)
    return found.digest


def test_every_text_or_every_name_is_as_often_true_as_false(made: tuple[str, Path]) -> None:
    swap, out = made
    for samples in read(out).values():
        words = [sample.text.split()[1] if swap == "words" else sample.text for sample in samples]
        counts = Counter(zip(words, (sample.labels["mismatch"] for sample in samples), strict=True))
        assert all(counts[word, 0] == counts[word, 1] for word, _ in counts)


def test_a_false_pair_is_never_a_true_one_and_carries_nothing_else(made: tuple[str, Path]) -> None:
    samples = [sample for part in read(made[1]).values() for sample in part]
    pairs = {(digest(sample), sample.text) for sample in samples if sample.labels == MATCH}
    assert [one.id for one in samples if one.labels == MISMATCH and (digest(one), one.text) in pairs] == []
    assert {tuple(one.labels) for one in samples} == {("mismatch",)}
    assert {one.tags for one in samples} == {()}


def test_what_was_left_out_is_told(made: tuple[str, Path]) -> None:
    about: dict[str, Any] = json.loads((made[1] / "split.json").read_text())
    told = {reason: n for reason, n in about["left_out"].items() if n and "name" not in reason}
    assert told == {
        "no words": 1,
        "no picture": 1,
        "words that another meme has": 1,
        "picture that another split has": 2,
    }
    assert [leak["modality"] for leak in about["one_modality_alone"]] == ["words alone", "picture alone"]


def test_a_similar_picture_is_more_similar_than_any(tiny: TinyBundle, memes: Path) -> None:
    pool = read_pool(memes, SplitConfig())
    features = np.random.default_rng(0).normal(size=(len(pool.samples), 4))
    similar, some = (make_twins(pool, swap, features, 0).cosine or 0 for swap in ("similar", "random"))
    assert similar > some + 0.3


@pytest.fixture
def twins(memes: Path) -> Twins:
    pool = read_pool(memes, SplitConfig())
    return make_twins(pool, "random", np.ones((len(pool.samples), 2)), 0)


def test_a_picture_that_gives_the_answer_away_is_found_and_refused(twins: Twins) -> None:
    blank = np.zeros((len(twins.samples), 2))
    check_leaks(find_leaks(twins, "random", blank, 0))
    telling = blank + twins.labels[:, None]
    _, by_picture = leaks = find_leaks(twins, "random", telling, 0)
    assert by_picture.auroc.value == 1
    with pytest.raises(LeakError, match=r"picture alone gives away .* AUROC 1.000"):
        check_leaks(leaks)


def test_words_that_give_the_answer_away_are_found_and_refused(twins: Twins) -> None:
    marked = [
        replace(one, text=f"{one.text} indeed") if label else one
        for one, label in zip(twins.samples, twins.labels.tolist(), strict=True)
    ]
    with pytest.raises(LeakError, match="words alone gives away"):
        check_leaks(find_leaks(replace(twins, samples=marked), "random", np.zeros((len(marked), 2)), 0))
    with pytest.raises(LeakError, match="texts are not as often mismatched as matched"):
        check_counts(replace(twins, samples=marked), "random")


def test_a_picture_in_two_splits_is_refused(twins: Twins) -> None:
    with pytest.raises(LeakError, match="pictures are in several splits"):
        check_counts(replace(twins, splits=["test", *twins.splits[1:]]), "random")


def test_of_a_set_that_leaks_nothing_is_written(
    tiny: TinyBundle, memes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "MAX_AUROC", 0.01)
    result = confound(tiny, memes, tmp_path / "out", "--swap", "random")
    assert result.exit_code == 1
    assert "no more than 0.01 is allowed" in str(result.output)
    assert not (tmp_path / "out").exists()


def test_a_set_of_one_split_is_split_by_picture(memes: Path, tmp_path: Path) -> None:
    pool = read_pool(memes / "train.jsonl", SplitConfig(dev=0.2, test=0.2))
    assert set(pool.splits) == set(SPLITS)
    assert len(set(zip(pool.groups.tolist(), pool.splits, strict=True))) == len(set(pool.groups.tolist()))


def test_splits_that_are_seen_and_unseen_are_the_set_s_own_and_rank_by_what_they_are(
    memes: Path, tmp_path: Path
) -> None:
    (tmp_path / "img").symlink_to(memes / "img")
    for split, name in (("train", "train"), ("dev", "dev_seen"), ("test", "test_unseen")):
        (tmp_path / f"{name}.jsonl").write_bytes((memes / f"{split}.jsonl").read_bytes())
    pool = read_pool(tmp_path, SplitConfig(), layout="generic")
    assert not pool.is_split_anew
    assert set(pool.splits) == {"train", "dev_seen", "test_unseen"}
    assert pool.left_out["picture that another split has"] == 2


def test_a_set_of_one_split_says_that_it_was_split_anew(tiny: TinyBundle, memes: Path, tmp_path: Path) -> None:
    result = confound(tiny, memes / "train.jsonl", tmp_path / "out", "--swap", "random", "--dev", 0.2, "--test", 0.2)
    assert "has one split: its memes were split anew by picture" in result.output, result.output
    assert json.loads((tmp_path / "out" / "split.json").read_text())["split_anew"] is True


@pytest.mark.parametrize(
    ("auroc", "is_leak"), [(0.44, True), (0.46, False), (0.54, False), (0.56, True), (None, False)]
)
def test_as_far_below_chance_is_as_much_of_a_leak(auroc: float | None, is_leak: bool) -> None:
    assert Leak("words alone", "a model", 100, Estimate(auroc)).is_leak == is_leak


def test_a_folder_that_holds_something_is_left_alone(tiny: TinyBundle, memes: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = confound(tiny, memes, tmp_path, "--swap", "random")
    assert result.exit_code == 1
    assert "is not empty" in str(result.output)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
