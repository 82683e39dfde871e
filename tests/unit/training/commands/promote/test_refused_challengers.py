"""Challengers that ``memeguard promote`` refuses, each for its rule."""

import json
import re
from pathlib import Path

import pytest
from support.dataset_files import write_csv
from support.promoting import compared, promote, report
from support.shadow_reports import shadow_report
from support.tiny import TinyBundle

from model.bundle import Bundle, CalibrationByModality, CalibrationSpec, Thresholds, ThresholdsByModality
from training.promotion.store import Store

# BentoML, when it is imported: its own use of a newer pathspec.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


def test_a_worse_challenger_is_refused_and_nothing_is_registered(
    store: Store, champion: Bundle, worse: Bundle, data: Path
) -> None:
    result = compared(worse, data, "--champion", champion.path)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: refused, and nothing was registered: ")
    assert "--override worse-auroc" in result.stderr
    assert {"worse-auroc", "worse-macro-f1"} <= {one["rule"] for one in report(worse)["refused"]}
    assert not store.home.exists()


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
