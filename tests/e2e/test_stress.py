"""``memeguard stress`` against a weak moderator behind HTTP: a word list."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from support.moderators import LISTED, Moderator, moderator, weak_moderator
from support.strict_pages import StrictPage

from serving.cli import main
from training.datasets import load_source, parse_source

RELATIONS = "homoglyph,zero_width,spacing"


@pytest.fixture
def weak() -> Iterator[Moderator]:
    with moderator() as server:
        yield server


def _arguments(folder: Path, url: str, *more: str, out: str = "out") -> list[str]:
    """A command's arguments, with the description of the moderator and the seeds written into ``folder``."""
    description = {
        "url": f"{url}/check?key=${{WEAK_KEY}}",
        "headers": {"Authorization": "Bearer ${WEAK_KEY}"},
        "request": {"json": {"text": "{text}"}},
        "answer": {"score": "/result/score", "threshold": 0.5},
    }
    (folder / "weak.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    hateful = [f"send all the {LISTED} of town number {n} home at last" for n in range(6)]
    harmless = [f"a lovely day at the beach of town number {n}" for n in range(4)]
    rows = [{"text": text, "label": 1} for text in hateful] + [{"text": text, "label": 0} for text in harmless]
    (folder / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    seeds, target = str(folder / "seeds.jsonl"), str(folder / "weak.yaml")
    return ["stress", target, "--seeds", seeds, "--relations", RELATIONS, "--out", str(folder / out), *more]


def _invoke(arguments: list[str]) -> Result:
    return CliRunner().invoke(main, arguments)


def _report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_a_word_list_is_shown_to_miss_every_disguise_and_to_raise_no_false_alarm(
    tmp_path: Path, weak: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK_KEY", "s3cret")
    result = _invoke(_arguments(tmp_path, weak.url, "--fail-over", "0.2", "--examples"))
    assert result.exit_code == 1
    assert "Error: over --fail-over 0.2: misses of all relations:" in result.output
    assert "false alarms" not in result.output.split("Error:")[1]
    out = tmp_path / "out"
    rates = _report(out)["rates"]
    strongest = {row["name"]: row["misses"] for row in rates["strengths"]}
    assert strongest["zero_width"]["share"]["value"] == strongest["homoglyph"]["share"]["value"] == 1
    assert strongest["zero_width"]["judged"] == 6
    assert rates["plain"][0]["misses"]["errors"] == rates["overall"]["false_alarms"]["errors"] == 0
    assert rates["overall"]["false_alarms"]["judged"] == 36
    told = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*") if path.is_file())
    assert "s3cret" not in told
    assert len(load_source(parse_source(str(out / "found"), "train")).samples) == rates["overall"]["misses"]["errors"]
    page = StrictPage.of(out / "report.html")
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert page.loads() == []
    assert page.all("script") == []
    words = [one for one in page.all("blockquote") if one.attributes["class"] == "words"]
    assert len(words) == 3 * 4


def test_words_are_in_the_found_cases_and_in_no_report_unless_asked_for(
    tmp_path: Path, weak: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK_KEY", "s3cret")
    result = _invoke(_arguments(tmp_path, weak.url, "--limit", "2", "--fail-over", "1"))
    assert result.exit_code == 0, result.output
    told = [tmp_path / "out" / name for name in ("report.json", "report.md", "report.html", "answers.jsonl")]
    assert not any("town" in path.read_text(encoding="utf-8") for path in told)
    assert "town" not in result.output
    assert _report(tmp_path / "out")["rates"]["plain"][0]["misses"]["judged"] == 2


def test_a_spent_budget_leaves_a_report_that_says_so_and_a_larger_one_goes_on(
    tmp_path: Path, weak: Moderator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAK_KEY", "s3cret")
    result = _invoke(_arguments(tmp_path, weak.url, "--max-calls", "20"))
    assert result.exit_code == 1
    assert "Error: the test is not whole: the budget of 20 calls to weak is spent" in result.output
    assert _report(tmp_path / "out")["stopped"].startswith("the budget of 20 calls")
    result = _invoke(_arguments(tmp_path, weak.url, "--max-calls", "500"))
    assert result.exit_code == 0, result.output
    asked = [body["text"] for body in weak.asked]
    assert len(asked) == len(set(asked)) == _report(tmp_path / "out")["n_calls"]
    result = _invoke([*_arguments(tmp_path, weak.url), "--seed", "1"])
    assert result.exit_code == 1
    assert "holds a stress test with another seed" in result.output


def test_a_killed_test_goes_on_and_ends_as_an_unbroken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAK_KEY", "s3cret")
    held = threading.Event()

    def slow_from_the_twelfth(body: Any) -> Any:
        if len(server.asked) == 12:
            held.wait(60)
        return weak_moderator(body)

    with moderator(slow_from_the_twelfth) as server:
        arguments = _arguments(tmp_path, server.url)
        process = subprocess.Popen([sys.executable, "-m", "serving.cli", *arguments])
        try:
            while len(server.asked) < 12 and process.poll() is None:
                time.sleep(0.01)
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL
        held.set()
        assert _invoke(arguments).exit_code == 0
        asked = [body["text"] for body in server.asked]
        assert asked[11] == asked[12]  # the one that the kill left without an answer
        assert len(asked) - 1 == len(set(asked))
        assert _invoke(_arguments(tmp_path, server.url, out="unbroken")).exit_code == 0
    ended, unbroken = (_report(tmp_path / name) for name in ("out", "unbroken"))
    assert ended["rates"] == unbroken["rates"]
    tables = [(tmp_path / name / "found" / "train.jsonl").read_bytes() for name in ("out", "unbroken")]
    assert tables[0] == tables[1]
