import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.pictures import meme

from model import Scorer
from serving.cli import main
from serving.schemas import VerdictDoc


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "meme.png"
    path.write_bytes(meme())
    return path


@pytest.fixture
def no_picture(tmp_path: Path) -> Path:
    path = tmp_path / "notes.jpg"
    path.write_bytes(b"no picture")
    return path


def test_json_is_one_verdict_a_line_with_its_file(picture: Path, scorer: Scorer) -> None:
    result = _run("score", picture, "--json", "--ocr", "none", "--text", "some words", "--tags", "cat,dog")
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)
    assert line.pop("file") == str(picture)
    VerdictDoc.model_validate(line)
    here = scorer.score_file(picture, text="some words", tags=["cat", "dog"])
    assert line["scores"] == pytest.approx(here.scores, abs=1e-5)


def test_a_bad_file_is_reported_in_its_place_and_the_others_are_judged(picture: Path, no_picture: Path) -> None:
    result = _run("score", no_picture, picture, no_picture.parent / "gone.png", "--json", "--ocr", "none")
    assert result.exit_code == 1
    first, second, third = (json.loads(line) for line in result.stdout.splitlines())
    assert first["error"]["code"] == "unsupported_format"
    assert "decision" in second
    assert third["error"]["code"] == "unreadable_file"


def test_the_table_shows_decision_score_and_words(picture: Path, scorer: Scorer) -> None:
    result = _run("score", picture, "--ocr", "none", "--text", "some words")
    verdict = scorer.score_file(picture, text="some words")
    assert result.exit_code == 0
    for shown in (verdict.decision, f"{verdict.scores['hateful']:.3f}", "some words"):
        assert shown in result.stdout


def test_the_table_shows_a_bad_file_as_an_error(no_picture: Path) -> None:
    result = _run("score", no_picture, "--ocr", "none")
    assert result.exit_code == 1
    assert "error" in result.stdout


def test_words_cannot_send_control_codes_or_markup_to_the_terminal(picture: Path) -> None:
    result = _run("score", picture, "--ocr", "none", "--text", "[red]loud[/red] \x1b[2J\x07 end")
    assert "[red]loud[/red]" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


def test_text_for_several_files_is_a_usage_error(picture: Path) -> None:
    result = _run("score", picture, picture, "--text", "whose?")
    assert result.exit_code == 2
    assert "--text belongs to one picture" in result.stderr


def test_a_missing_ocr_engine_is_said_on_stderr(picture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = _run("score", picture, "--ocr", "tesseract", "--json")
    assert "Warning: OCR engine tesseract" in result.stderr
    assert json.loads(result.stdout)["text"]["status"] == "unavailable"


def test_a_folder_without_a_bundle_is_one_line_that_says_what_to_do(picture: Path, tmp_path: Path) -> None:
    result = _run("score", picture, "--bundle", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "give the folder that `export` wrote" in result.stderr
    assert len(result.stderr.splitlines()) == 1
