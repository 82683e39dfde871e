import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.drifting import CYRILLIC, decided, fill_day

from serving.cli import main

#: Two days alike, one that is not, one whose rows are older than measures.
ALIKE, OTHER, OLD = 1, 2, 3


def run(url: str, day: int, *arguments: object, fails: bool = False) -> Result:
    window = ("--from", f"2026-11-0{day + 1}", "--to", f"2026-11-0{day + 2}")
    result = CliRunner().invoke(main, ["drift", "--ledger", url, *window, *map(str, arguments)])
    assert (result.exit_code != 0) == fails, result.output
    return result


def findings(url: str, day: int, *arguments: object) -> dict[str, dict[str, Any]]:
    report = json.loads(run(url, day, "--format", "json", *arguments).stdout)
    return {finding["name"]: finding for finding in report["findings"]}


AGAINST_FIRST = ("--against", "2026-11-01", "2026-11-02")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('drift')}/ledger.db"
    fill(url)
    return url


def fill(url: str) -> None:
    fill_day(url, 0, [decided(seed) for seed in range(400)])
    fill_day(url, ALIKE, [decided(seed) for seed in range(400, 800)])
    others = [
        decided(seed, high=seed % 2 == 0, texts=CYRILLIC if seed % 3 == 0 else ("me",), known=seed % 4 == 0)
        for seed in range(800, 1200)
    ]
    fill_day(url, OTHER, others)
    fill_day(url, OLD, [decided(seed, model="2.0") for seed in range(1200, 1500)], measures=None)


def test_a_day_like_the_one_before_has_not_drifted(url: str) -> None:
    result = run(url, ALIKE, "--fail-over", "0.2")
    assert "no drift" in result.stdout
    assert not any(finding["significant"] for finding in findings(url, ALIKE).values())


def test_a_day_unlike_the_one_before_is_told_by_what_changed(ledger_url: str) -> None:
    fill(ledger_url)
    found = findings(ledger_url, OTHER)
    drifted = {name for name, finding in found.items() if finding["changed"]}
    assert drifted == {
        "decision", "score hateful", "score memotion_sentiment: negative", "score memotion_sentiment: positive",
        "bank match", "characters", "words", "script",
    }  # fmt: skip
    assert found["script"]["change"] == "cyrillic 0.0% -> 33.2%"
    assert found["bank match"]["change"] == "known 0.0% -> 25.0%"
    assert not found["OCR confidence"]["significant"]
    assert (found["decision"]["n"], found["decision"]["n_against"]) == (400, 400)


def test_what_drifted_over_a_threshold_ends_the_command_with_1(url: str) -> None:
    assert "over the stability index of 0.2: decision (" in run(url, OTHER, "--fail-over", "0.2", fails=True).stderr
    run(url, OTHER, "--fail-over", "100")


def test_another_model_is_told_as_a_setting_and_is_no_drift(url: str) -> None:
    result = run(url, OLD, *AGAINST_FIRST, "--fail-over", "0.2")
    assert re.search(r"model .* a setting", result.stdout)
    assert findings(url, OLD, *AGAINST_FIRST)["model"]["role"] == "setting"


def test_what_older_rows_do_not_hold_is_said_and_never_taken_for_nothing(url: str) -> None:
    found = findings(url, OLD, *AGAINST_FIRST)
    assert {found[name]["change"] for name in ("script", "words", "bank match")} == {"too few to say"}
    assert found["script"]["n"] == 0
    assert found["score hateful"]["n"] == 300


def test_a_report_is_the_baseline_of_a_later_one(url: str, tmp_path: Path) -> None:
    kept = tmp_path / "baseline.json"
    run(url, ALIKE, "--format", "json", "--out", kept)
    by_file = findings(url, OTHER, "--baseline", kept)
    assert by_file == findings(url, OTHER, "--against", "2026-11-02", "2026-11-03")


def test_a_file_that_is_no_baseline_is_refused_with_what_to_do(url: str, tmp_path: Path) -> None:
    kept = tmp_path / "baseline.json"
    kept.write_text('{"format": "other"}')
    said = run(url, OTHER, "--baseline", kept, fails=True).stderr
    assert "no report of `memeguard drift --format json`" in said


def test_windows_that_hold_nothing_are_errors_that_name_them(url: str) -> None:
    said = CliRunner().invoke(main, ["drift", "--ledger", url, "--from", "2020-01-01", "--to", "2020-01-02"])
    assert "no decisions from 2020-01-01 00:00 to 2020-01-02 00:00 UTC" in said.stderr
    backwards = CliRunner().invoke(main, ["drift", "--ledger", url, "--from", "2020-01-02", "--to", "2020-01-01"])
    assert "a window ends after it begins" in backwards.stderr
    assert "too little in one of the windows" in run(url, 0, "--fail-over", "1", fails=True).stderr
    assert "too few decisions to tell" in run(url, 0).stdout


def test_the_page_draws_every_distribution_and_loads_nothing(url: str, tmp_path: Path) -> None:
    page = tmp_path / "drift.html"
    run(url, OTHER, "--format", "html", "--out", page)
    html = page.read_text()
    assert "Drift in 8 of" in html
    assert html.count('<svg viewBox="0 0 480') == html.count("<section>") == 13
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html


def test_a_table_can_be_kept_in_a_file(url: str, tmp_path: Path) -> None:
    table = tmp_path / "drift.txt"
    result = run(url, OTHER, "--out", table)
    assert result.stdout == ""
    assert "drift in 8 of" in table.read_text()
