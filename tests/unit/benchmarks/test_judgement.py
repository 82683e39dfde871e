import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.dataset_files import (
    write_captions,
    write_fine_grained,
    write_group_mentions,
    write_hatecheck,
    write_hateful_memes,
    write_multioff,
    write_text_hate,
)

from benchmarks.judgement import PARTS, Options, Part, judge_all, main
from benchmarks.judgement_report import Judged, Row, render, targets
from training.evaluation.metrics.bootstrap import Estimate

if TYPE_CHECKING:
    from support.tiny import TinyBundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judgement")


@pytest.fixture(scope="module")
def written(tiny: "TinyBundle", folder: Path) -> tuple[dict[str, Any], str]:
    """The report of the tiny bundle, which has no task ``offensive``, without the captions."""
    data = folder / "data"
    write_hatecheck(write_group_mentions(write_text_hate(data / "text_hate"), n_rows=200))
    write_hateful_memes(data / "religious_memes", {"test": 8})
    write_multioff(data / "multioff")
    arguments = [tiny.bundle.path, "--data", data, "--out", folder / "out", "--resamples", 20, "--limit", 50]
    main([str(argument) for argument in arguments])
    document = json.loads((folder / "out" / "judgement.json").read_text())
    return document, (folder / "out" / "judgement.md").read_text()


def test_every_set_that_is_there_is_judged_and_the_others_are_named(written: tuple[dict[str, Any], str]) -> None:
    found, markdown = written
    assert [(one["name"], one["split"]) for one in found["sets"]] == [
        ("HateCheck", "test"),
        ("HatemojiBuild", "test"),
        ("RedditBias", "test"),
        ("ToxiGen", "test"),
        ("madlibs", "test"),
        ("minimal pairs", "test"),
        ("religious_memes", "test"),
    ]
    assert found["left_out"] == ["ordinary captions (not in imgflip/)", "MultiOFF (the bundle has no task offensive)"]
    assert "Left out: ordinary captions (not in imgflip/)" in markdown


def test_a_set_has_its_groups_and_functions_and_memes_what_their_parts_are_worth(
    written: tuple[dict[str, Any], str],
) -> None:
    found, markdown = written
    sets = {one["name"]: one for one in found["sets"]}
    hatecheck = sets["HateCheck"]
    assert {row["name"]: (row["n"], row["n_harmless"]) for row in hatecheck["groups"]} == {
        "no group named": (12, 12),
        "any group named": (36, 24),
        "sailors": (12, 12),
        "women": (24, 12),
    }
    assert [row["name"] for row in hatecheck["functions"]] == ["attack_h", "mention_nh", "object_nh"]
    apart = [row for row in hatecheck["groups"] if row["name"] != "any group named"]
    harmless = [row["shares"]["reviewed_negatives"]["value"] for row in apart]
    assert hatecheck["whole"]["shares"]["reviewed_negatives"]["value"] == pytest.approx(sum(harmless) / 3)
    assert list(sets["religious_memes"]["auroc"]) == ["full", "words alone", "picture alone"]
    assert "| HateCheck by function | items | harmless | reviewed | stopped at 0.80 recall |" in markdown
    assert "| sailors | 12 | 12 |" in markdown


def test_a_target_says_what_was_measured_and_whether_it_is_met(written: tuple[dict[str, Any], str]) -> None:
    found, markdown = written
    wanted = {one["what"]: one for one in found["targets"]}
    auroc = next(one for one in found["sets"] if one["name"] == "HateCheck")["auroc"]["full"]["value"]
    assert wanted["HateCheck: AUROC"]["value"] == auroc
    assert wanted["HateCheck: AUROC"]["met"] == (auroc >= 0.88)
    unknown = wanted["ordinary captions: sent to review"]
    assert (unknown["value"], unknown["met"]) == (None, None)
    assert "| ordinary captions: sent to review | at most 0.10 | not measured |  |" in markdown


def test_captions_are_judged_on_dev_since_they_have_no_test_split(tiny: "TinyBundle", tmp_path: Path) -> None:
    write_captions(tmp_path / "imgflip")
    parts = [part for part in PARTS if part.name == "ordinary captions"]
    found = judge_all(tiny.bundle, tmp_path, Options(n_resamples=20), parts)
    (captions,) = found.sets
    assert (captions.split, captions.at_recall) == ("dev", None)
    assert captions.whole.n == captions.whole.n_harmless > 0
    assert "| ordinary captions, dev | hateful |" in render(found)


def test_a_multilabel_task_is_judged_class_by_class_where_a_set_has_labels_for_it(
    tiny: "TinyBundle", tmp_path: Path
) -> None:
    (write_fine_grained(tmp_path / "fine") / "test.jsonl").unlink()  # it has no labels
    part = Part("made", "fine", "hateful_memes_fine_grained")
    found = judge_all(tiny.bundle, tmp_path, Options(n_resamples=20), [part])
    (made,) = found.sets
    assert {row.group: row.n_positive for row in made.classes["protected_class"].rows}["religion"] == made.whole.n // 2
    assert "| made, protected_class | items | positive | AUROC | precision | recall |" in render(found)


def judged(name: str, *groups: tuple[int, float]) -> Judged:
    rows = [Row(str(n), n, n, {"negatives_at_recall": Estimate(share)}) for n, share in groups]
    whole = Row("all", 100, 50, {"reviewed": Estimate(0.1)})
    return Judged(name, "test", "hateful", {"full": Estimate(0.9)}, whole, None, rows, [])


def test_the_worst_group_that_is_large_enough_holds_the_target() -> None:
    found = {one.what: one for one in targets([judged("HateCheck", (29, 0.9), (30, 0.3), (40, 0.2))])}
    worst = found["HateCheck: harmless stopped at .80 caught, worst group"]
    assert (worst.value, worst.met) == (0.3, True)
    captions = next(one for one in targets([judged("ordinary captions")]) if one.value is not None)
    assert (captions.value, captions.met) == (0.1, True)


def test_every_target_is_of_a_set_that_is_judged() -> None:
    assert {one.what.partition(":")[0] for one in targets([])} <= {part.name for part in PARTS}
