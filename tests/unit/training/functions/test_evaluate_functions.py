"""``memeguard evaluate --functions`` on a tiny bundle, and the counts of its report."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.tiny import TinyBundle

from serving.cli import main
from training.functions.templates import read_functional_test


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def out(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("functions")
    result = run(tiny.bundle.path, "--functions", "--out", folder, "--threads", 1)
    assert result.exit_code == 0, result.output
    assert f"Report: {folder / 'functions.html'}" in result.output
    return folder


@pytest.fixture(scope="module")
def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "functions.json").read_text())
    return found


def test_every_case_is_scored_and_counted_under_its_function_and_its_group(report: dict[str, Any]) -> None:
    pairs = report["n_cases"] // 2
    assert len(report["cases"]) == report["n_cases"] == 2 * report["all"]["n_pairs"]
    assert sum(one["row"]["n_pairs"] for one in report["functions"]) == pairs
    for grouping in ("groups", "characteristics", "differs_in"):
        assert sum(row["n_pairs"] for row in report[grouping]) == pairs


def test_a_case_is_right_on_its_side_of_the_policys_threshold(report: dict[str, Any]) -> None:
    threshold = report["threshold"]
    assert [
        case["id"]
        for case in report["cases"]
        if case["is_right"] != ((case["score"] >= threshold) == (case["label"] == "hateful"))
    ] == []


def test_shares_are_those_of_the_cases(report: dict[str, Any]) -> None:
    cases = report["cases"]
    (threat,) = [one for one in report["functions"] if one["row"]["name"] == "threat"]
    own = [case for case in cases if case["function"] == "threat"]
    hateful, harmless = ([case for case in own if case["label"] == label] for label in ("hateful", "harmless"))
    n = len(hateful)
    row = threat["row"]
    assert row["n_pairs"] == n
    assert row["hateful"]["value"] == pytest.approx(sum(case["is_right"] for case in hateful) / n, abs=1e-6)
    both = [one["is_right"] and other["is_right"] for one, other in zip(hateful, harmless, strict=True)]
    ordered = [one["score"] > other["score"] for one, other in zip(hateful, harmless, strict=True)]
    assert row["pairs"]["value"] == pytest.approx(sum(both) / n, abs=1e-6)
    assert row["ordered"]["value"] == pytest.approx(sum(ordered) / n, abs=1e-6)
    assert row["pairs"]["low"] < row["pairs"]["value"] + 1e-9 < row["pairs"]["high"] + 2e-9


def test_the_documents_name_every_function_and_no_words_of_a_case(out: Path) -> None:
    test = read_functional_test()
    secrets = [one.reclaimed for one in test.groups if one.reclaimed]
    for name in ("functions.md", "functions.html", "functions.json"):
        text = (out / name).read_text(encoding="utf-8")
        plain = text.replace("_", " ")
        assert [one.name for one in test.functions if one.name.replace("_", " ") not in plain] == []
        assert [secret for secret in secrets if secret in text] == []


def test_the_page_fetches_nothing(out: Path) -> None:
    page = (out / "functions.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http:" not in page.replace("http://www.w3.org/", "")
    assert page.count("<table") == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--functions", "--data", "x"), "--data says nothing of --functions"),
        (("--functions", "--resamples", 5), "--resamples says nothing of --functions"),
        ((), "Missing option '--data'"),
    ],
)
def test_options_that_do_not_fit_are_refused(tiny: TinyBundle, options: tuple[object, ...], said: str) -> None:
    result = run(tiny.bundle.path, *options)
    assert result.exit_code == 2
    assert said in result.output


def test_a_bundle_whose_policy_has_no_threshold_for_hate_is_refused(tiny: TinyBundle, tmp_path: Path) -> None:
    bundle = tiny.written_anew(tmp_path / "bundle", thresholds={})
    result = run(bundle.path, "--functions", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "has no threshold for that" in str(result.output)
    assert not (tmp_path / "out" / "functions.json").exists()
