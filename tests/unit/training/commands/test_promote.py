"""``memeguard promote`` as one types it: refusals, overrides, the store, the way back."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from support.dataset_files import write_csv
from support.preparation import picture
from support.shadow_reports import shadow_report
from support.tiny import TinyBundle, tiny_network

from model import open_bundle
from model.bundle import Bundle, CalibrationByModality, CalibrationSpec, Thresholds, ThresholdsByModality
from model.export import export_head
from serving.cli import main
from training.datasets import Sample
from training.evaluation.scoring import score_bundle
from training.promotion.store import Store, tag_of

# BentoML, when it is imported: its own use of a newer pathspec.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
N = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("promotion")


@pytest.fixture(scope="module")
def samples(folder: Path) -> list[Sample]:
    (folder / "memes" / "img").mkdir(parents=True)
    made = []
    for index in range(N):
        path = folder / "memes" / "img" / f"{index}.png"
        picture(index).save(path)
        made.append(Sample(str(index), "memes", "dev", f"word {index % 13} and {index % 7}", {"hateful": 0}, path))
    return made


@pytest.fixture(scope="module")
def logits(tiny: TinyBundle, samples: list[Sample]) -> NDArray[np.float32]:
    """What the small network says of the samples, [N]."""
    found: NDArray[np.float32] = score_bundle(tiny.bundle, samples, threads=1).logits["hateful"][:, 0]
    return found


@pytest.fixture(scope="module")
def data(samples: list[Sample], logits: NDArray[np.float32], folder: Path) -> Path:
    """Memes in the Hateful Memes layout, labelled as the champion sees them, but for a few."""
    labels = (logits > np.median(logits)).astype(int)
    labels[:4] = 1 - labels[:4]
    rows = [
        {"id": sample.id, "img": f"img/{sample.id}.png", "label": int(label), "text": sample.text}
        for sample, label in zip(samples, labels, strict=True)
    ]
    root = folder / "memes"
    (root / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def calibration(tiny: TinyBundle, logits: NDArray[np.float32]) -> dict[str, CalibrationByModality]:
    """Half of the samples lie above 0.5."""
    scale = float(2 / logits.std())
    fitted = CalibrationSpec(scale=scale, shift=float(-scale * np.median(logits)))
    return {**tiny.parts.calibration, "hateful": CalibrationByModality.alike(fitted)}


@pytest.fixture(scope="module")
def champion(tiny: TinyBundle, folder: Path, calibration: dict[str, CalibrationByModality]) -> Bundle:
    return tiny.written_anew(folder / "champion", calibration=calibration)


@pytest.fixture(scope="module")
def level(tiny: TinyBundle, folder: Path, calibration: dict[str, CalibrationByModality]) -> Bundle:
    """As good as the champion, and another bundle."""
    return tiny.written_anew(folder / "level", version="0.0.2", calibration=calibration)


@pytest.fixture(scope="module")
def worse(tiny: TinyBundle, folder: Path, calibration: dict[str, CalibrationByModality]) -> Bundle:
    """A head that learnt something else."""
    head = folder / "worse.onnx"
    export_head(tiny_network(seed=7, knowledge=False), head, "fp32")
    return tiny.written_anew(folder / "worse", version="0.0.3", calibration=calibration, head_path=head)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Store.open()


def promote(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["promote", *map(str, arguments)])


def compared(challenger: Bundle, data: Path, *arguments: Any) -> Result:
    # Two small networks that share a busy machine: their speed is another test's.
    options = ("--data", f"{data}:dev", "--resamples", 200, "--threads", 1)
    speed = () if "--max-slowdown" in arguments else ("--max-slowdown", 1000)
    return promote(challenger.path, *options, *speed, *arguments)


def report(challenger: Bundle) -> dict[str, Any]:
    path = Path(f"promotion-{tag_of(challenger).replace(':', '-')}") / "report.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_a_worse_challenger_is_refused_and_nothing_is_registered(
    store: Store, champion: Bundle, worse: Bundle, data: Path
) -> None:
    result = compared(worse, data, "--champion", champion.path)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: refused, and nothing was registered: ")
    assert "--override worse-auroc" in result.stderr
    assert {"worse-auroc", "worse-macro-f1"} <= {one["rule"] for one in report(worse)["refused"]}
    assert not store.home.exists()


def test_a_challenger_that_is_not_worse_becomes_current_and_the_champion_the_way_back(
    store: Store, champion: Bundle, level: Bundle, data: Path
) -> None:
    result = compared(level, data, "--champion", champion.path)
    assert result.exit_code == 0, result.output
    assert f"memeguard serve --bundle {store.folder(tag_of(level))}\n" in result.stdout
    assert open_bundle(store.current_link).digest == level.digest
    back = promote("--rollback", "--reason", "complaints")
    assert back.exit_code == 0, back.output
    assert open_bundle(store.current_link).digest == champion.digest
    listed = promote("--list").stdout
    assert f"* {tag_of(champion)}  rollback" in listed
    assert f"  {tag_of(level)}  promotion after {tag_of(champion)}" in listed


def test_the_report_holds_both_bundles_every_metric_groups_and_speed(
    store: Store, champion: Bundle, level: Bundle, data: Path
) -> None:
    assert compared(level, data, "--champion", champion.path, "--dry-run").exit_code == 0
    found = report(level)
    assert (found["champion"]["digest"], found["challenger"]["digest"]) == (champion.digest, level.digest)
    metrics = {line["metric"]: line for line in found["lines"]}
    assert {"auroc", "accuracy", "macro_f1", "calibration_error", "review_recall"} <= metrics.keys()
    assert metrics["auroc"]["n"] == N
    assert metrics["auroc"]["champion"] > 0.8
    assert {line["difference"] for line in found["lines"]} == {0.0}
    assert found["groups"] == []  # all texts are short and name nobody: there are no groups to tell apart
    assert found["speed"]["ratio"] > 0
    markdown = (Path(f"promotion-{tag_of(level).replace(':', '-')}") / "report.md").read_text(encoding="utf-8")
    assert "| memes, dev | hateful | AUROC |" in markdown
    assert "word 3" not in markdown + json.dumps(found)
    assert not store.home.exists()


def test_an_override_by_name_with_a_reason_promotes_and_is_recorded(
    store: Store, champion: Bundle, worse: Bundle, data: Path
) -> None:
    rules = ("worse-auroc", "worse-macro-f1", "worse-calibration", "worse-review-recall", "worse-review-load")
    overrides = [flag for rule in (*rules, "group-regression") for flag in ("--override", rule)]
    missing = compared(worse, data, "--champion", champion.path, *overrides)
    assert missing.exit_code == 2
    assert "--reason" in missing.stderr
    result = compared(worse, data, "--champion", champion.path, *overrides, "--reason", "the old one leaks")
    assert result.exit_code == 0, result.output
    (record,) = store.records()
    assert {"worse-auroc", "worse-macro-f1"} <= {one["rule"] for one in record.overrides}
    assert record.reason == "the old one leaks"
    assert "worse-auroc overridden: the old one leaks" in promote("--list").stdout


def test_an_override_lets_only_its_own_rule_through(store: Store, champion: Bundle, worse: Bundle, data: Path) -> None:
    result = compared(worse, data, "--champion", champion.path, "--override", "worse-auroc", "--reason", "x")
    assert result.exit_code == 1
    assert "worse-macro-f1" in result.stderr
    assert [one["rule"] for one in report(worse)["overridden"]] == ["worse-auroc"]
    assert not store.home.exists()


def test_a_challenger_with_spoilt_probabilities_is_refused_though_it_ranks_as_well(
    store: Store,
    tiny: TinyBundle,
    champion: Bundle,
    calibration: dict[str, CalibrationByModality],
    data: Path,
    tmp_path: Path,
) -> None:
    fitted = calibration["hateful"].both
    other = CalibrationSpec(scale=fitted.scale, shift=fitted.shift + 8)
    spoilt = tiny.written_anew(
        tmp_path / "spoilt",
        version="0.0.4",
        calibration={**calibration, "hateful": CalibrationByModality.alike(other)},
    )
    assert compared(spoilt, data, "--champion", champion.path).exit_code == 1
    rules = {one["rule"] for one in report(spoilt)["refused"]}
    assert {"worse-macro-f1", "worse-review-load"} <= rules
    assert "worse-auroc" not in rules


def test_a_challenger_that_never_acts_is_refused_as_incompatible(
    store: Store,
    tiny: TinyBundle,
    champion: Bundle,
    calibration: dict[str, CalibrationByModality],
    data: Path,
    tmp_path: Path,
) -> None:
    silent = tiny.written_anew(tmp_path / "silent", version="0.0.5", calibration=calibration, thresholds={})
    result = compared(silent, data, "--champion", champion.path)
    assert result.exit_code == 1
    assert [one["rule"] for one in report(silent)["refused"]] == ["missing-thresholds"]


@pytest.fixture(scope="module")
def mentions(folder: Path) -> Path:
    """Harmless comments, 40 about each of two groups, and 5 about a third."""
    groups = ["jews"] * 40 + ["female"] * 40 + ["sailors"] * 5
    rows = [(f"c{n}", f"word {n} number {n % 7}", "a phrase", group, "0", "0") for n, group in enumerate(groups)]
    write_csv(
        folder / "text" / "redditbias.csv", [("id", "text", "phrase", "group", "bias_sent", "bias_phrase"), *rows]
    )
    return folder / "text"


def test_a_challenger_that_holds_mentions_of_a_group_against_it_is_refused_with_the_groups_by_name(
    store: Store, tiny: TinyBundle, level: Bundle, mentions: Path, tmp_path: Path
) -> None:
    never = Thresholds(review=1.0, block=1)  # sentences are held to the thresholds of words alone
    lenient, strict = (
        tiny.written_anew(
            tmp_path / name,
            version=f"0.1.{n}",
            thresholds={
                "hateful": ThresholdsByModality(both=never, text=Thresholds(review=review, block=1), image=never)
            },
        )
        for n, (name, review) in enumerate((("lenient", 1.0), ("strict", 0.0)))
    )
    options = ("--data", f"{mentions}:train", "--champion", lenient.path, "--resamples", 100, "--max-slowdown", 1000)
    result = promote(strict.path, *options, "--min-group-items", 20)
    assert result.exit_code == 1, result.output
    assert "group-false-alarms" in result.stderr
    found = report(strict)
    refused = [one["found"] for one in found["refused"] if one["rule"] == "group-false-alarms"]
    assert sorted(re.findall(r"target group: (\w+): 0.000 to 1.000", " ".join(refused))) == ["female", "jews"]
    assert {one["group"] for one in found["alarms"]} == {
        f"target group: {group}" for group in ("any group named", "female", "jews", "sailors")
    }
    assert any("sailors (5: 0.000 to 1.000)" in note for note in found["notes"])
    overrides = ("--override", "group-false-alarms", "--override", "worse-review-load", "--reason", "a strict week")
    promoted = promote(strict.path, *options, "--min-group-items", 20, *overrides)
    assert promoted.exit_code == 0, promoted.output
    (record,) = store.records()
    assert "group-false-alarms" in {one["rule"] for one in record.overrides}
    kept = json.loads((Path(str(record.report)) / "report.json").read_text(encoding="utf-8"))
    assert kept["alarms"] == found["alarms"]


def test_a_challenger_slower_than_allowed_is_refused(store: Store, champion: Bundle, level: Bundle, data: Path) -> None:
    result = compared(level, data, "--champion", champion.path, "--max-slowdown", 0.001)
    assert result.exit_code == 1
    assert [one["rule"] for one in report(level)["refused"]] == ["slower"]


def test_the_champion_must_be_the_one_that_is_current(
    store: Store, champion: Bundle, level: Bundle, worse: Bundle, data: Path
) -> None:
    assert promote(worse.path, "--first").exit_code == 0
    result = compared(level, data, "--champion", champion.path)
    assert result.exit_code == 1
    assert [one["rule"] for one in report(level)["refused"]] == ["other-champion"]
    by_name = compared(level, data, "--champion", tag_of(worse))
    assert by_name.exit_code == 0, by_name.output
    assert store.current() == tag_of(level)


def test_without_a_champion_or_data_the_way_on_is_named(store: Store, level: Bundle, data: Path) -> None:
    assert "--first" in compared(level, data).stderr
    assert "--data" in promote(level.path).stderr
    assert "CHALLENGER" in promote().stderr
    assert promote("--rollback").exit_code == 1
    assert "Nothing is current" in promote("--list").stdout


def test_a_bundle_is_not_compared_with_itself(store: Store, champion: Bundle, data: Path) -> None:
    result = compared(champion, data, "--champion", champion.path)
    assert result.exit_code == 1
    assert "the same bundle" in result.stderr


def test_data_without_labels_of_any_task_is_refused_with_those_it_has(
    store: Store, champion: Bundle, level: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "own.jsonl").write_text(json.dumps({"id": "1", "text": "a day", "offensive": "offensive"}) + "\n")
    result = promote(level.path, "--champion", champion.path, "--data", tmp_path / "own.jsonl")
    assert result.exit_code == 1
    assert "offensive" in result.stderr


def test_a_split_that_was_asked_for_is_taken_and_no_other(
    store: Store, champion: Bundle, level: Bundle, data: Path
) -> None:
    options = ("--champion", champion.path, "--data", data, "--resamples", 100, "--max-slowdown", 1000, "--dry-run")
    refused = promote(level.path, *options, "--split", "test")
    assert refused.exit_code == 1
    assert "has no split 'test'; it has: dev" in refused.stderr
    by_another_name = promote(level.path, *options, "--split", "val")
    assert by_another_name.exit_code == 0, by_another_name.output
    assert {line["data"] for line in report(level)["lines"]} == {"memes, dev"}


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_scored(
    store: Store, champion: Bundle, level: Bundle, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    result = compared(level, data, "--champion", champion.path, "--out", tmp_path / "taken", "--provider", "cuda")
    assert result.exit_code == 1
    assert "give a folder that can be written" in result.stderr


def test_a_folder_that_is_no_bundle_is_one_line(store: Store, champion: Bundle, data: Path, tmp_path: Path) -> None:
    result = promote(tmp_path, "--champion", champion.path, "--data", data)
    assert result.exit_code == 1
    assert "manifest.json" in result.stderr
    assert promote("nosuch:tag", "--champion", champion.path, "--data", data).exit_code == 1


def test_text_alone_can_be_compared_too(
    store: Store, champion: Bundle, level: Bundle, data: Path, tmp_path: Path
) -> None:
    rows = [json.loads(text) for text in (data / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    words = [{"id": row["id"], "text": row["text"], "hateful": row["label"]} for row in rows]
    (tmp_path / "words.jsonl").write_text("".join(json.dumps(row) + "\n" for row in words), encoding="utf-8")
    result = promote(
        level.path, "--champion", champion.path, "--data", tmp_path / "words.jsonl", "--dry-run",
        "--resamples", 200, "--max-slowdown", 1000,
    )  # fmt: skip
    assert result.exit_code == 0, result.output


def test_a_run_in_the_shadow_is_held_to_its_limits_and_told(
    store: Store, champion: Bundle, level: Bundle, data: Path, tmp_path: Path
) -> None:
    of_another = shadow_report(tmp_path, champion, champion)
    refused = compared(level, data, "--champion", champion.path, "--shadow-report", of_another)
    assert refused.exit_code == 1
    assert f"the challenger ({level.digest[:12]}) was no shadow in it" in refused.stderr
    path = shadow_report(tmp_path, level, champion)
    options = ("--champion", champion.path, "--dry-run", "--shadow-report", path, "--max-review-share", 0.11)
    result = compared(level, data, *options)
    assert result.exit_code == 1
    assert [one["rule"] for one in report(level)["refused"]] == ["shadow-review-share"]
    assert report(level)["shadow"]["beside_champion"] == 1000
    without = compared(level, data, "--champion", champion.path, "--max-review-share", 0.11)
    assert without.exit_code == 2
