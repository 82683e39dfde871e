"""What ``memeguard promote`` does with a challenger that passes: the store, overrides, the way back, the report."""

import json
from pathlib import Path

import pytest
from support.promoting import compared, promote, report

from model import open_bundle
from model.bundle import Bundle
from training.promotion.store import Store, tag_of

# BentoML, when it is imported: its own use of a newer pathspec.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


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


def test_the_report_holds_both_bundles_every_metric_groups_and_speed(
    store: Store, champion: Bundle, level: Bundle, data: Path
) -> None:
    assert compared(level, data, "--champion", champion.path, "--dry-run").exit_code == 0
    found = report(level)
    assert (found["champion"]["digest"], found["challenger"]["digest"]) == (champion.digest, level.digest)
    metrics = {line["metric"]: line for line in found["lines"]}
    assert {"auroc", "accuracy", "macro_f1", "calibration_error", "review_recall"} <= metrics.keys()
    assert metrics["auroc"]["n"] == 60
    assert metrics["auroc"]["champion"] > 0.8
    assert {line["difference"] for line in found["lines"]} == {0.0}
    assert found["groups"] == []  # all texts are short and name nobody: there are no groups to tell apart
    assert found["speed"]["ratio"] > 0
    markdown = (Path(f"promotion-{tag_of(level).replace(':', '-')}") / "report.md").read_text(encoding="utf-8")
    assert "| memes, dev | hateful | AUROC |" in markdown
    assert "word 3" not in markdown + json.dumps(found)
    assert not store.home.exists()
