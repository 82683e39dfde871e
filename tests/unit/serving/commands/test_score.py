import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from support.judgements import flat
from support.pictures import meme
from support.preparation import PREPROCESS
from support.tiny import TinyBundle, export_tower, tower_spec

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
    assert flat(line["scores"]) == pytest.approx(flat(here.scores), abs=1e-5)


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


def test_the_table_says_what_was_not_judged_beside_the_words(tmp_path: Path) -> None:
    frames = [Image.effect_noise((64, 64), 10 * seed + 5) for seed in range(12)]
    path = tmp_path / "many.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
    result = _run("score", path, "--ocr", "none", "--text", "some words")
    told = " ".join(result.stdout.split())
    assert "some" in told
    assert "partial" in told
    assert "review" in told


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


def test_a_language_that_tesseract_lacks_is_said_on_stderr(picture: Path) -> None:
    result = _run("score", picture, "--ocr", "tesseract", "--ocr-languages", "eng+qqq", "--json")
    assert "Warning: OCR engine tesseract: tesseract has no language pack qqq" in result.stderr
    assert json.loads(result.stdout)["text"]["status"] == "unavailable"


def test_languages_that_are_no_names_are_a_usage_error(picture: Path) -> None:
    result = _run("score", picture, "--ocr", "tesseract", "--ocr-languages", "eng, rus")
    assert result.exit_code == 2
    assert "such as eng+rus" in result.stderr


def test_a_folder_without_a_bundle_is_one_line_that_says_what_to_do(picture: Path, tmp_path: Path) -> None:
    result = _run("score", picture, "--bundle", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "give the folder that `export` wrote" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def blinded(tiny: TinyBundle, tmp_path: Path) -> Path:
    """A bundle whose image tower divides by the picture's brightest value, which a black picture does not have."""
    return tiny.written_anew(
        tmp_path / "blinded",
        image_tower_path=export_tower(tmp_path / "tower.onnx", batch_scaled=True),
        image_tower=tower_spec(batch_invariant=False),
        preprocess=PREPROCESS.model_copy(update={"mean": (0.0, 0.0, 0.0)}),
    ).path


def test_a_file_without_a_finite_score_is_an_error_and_the_files_after_it_are_judged(
    blinded: Path, picture: Path, tmp_path: Path
) -> None:
    black = tmp_path / "black.png"
    Image.new("RGB", (40, 40)).save(black)
    files = [str(picture), str(black), str(picture)]
    command = [
        sys.executable,
        "-m",
        "serving.cli",
        "score",
        *files,
        "--bundle",
        str(blinded),
        "--ocr",
        "none",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert second == {
        "file": str(black),
        "id": str(black),
        "error": {"code": "no_score", "message": "the network gave no finite score for this meme"},
    }
    assert first["scores"] == third["scores"]
    table = _run("score", black, picture, "--bundle", blinded, "--ocr", "none")
    assert (table.exit_code, table.stdout.count("error")) == (1, 1)


def test_of_a_long_path_the_table_shows_the_end(tmp_path: Path) -> None:
    folder = tmp_path / ("a_folder_with_a_long_name_" * 3) / "memes"
    folder.mkdir(parents=True)
    for name in ("first.png", "second.png"):
        (folder / name).write_bytes(meme())
    result = _run("score", folder / "first.png", folder / "second.png", "--ocr", "none")
    assert "…/memes/first.png" in result.stdout
    assert "…/memes/second.png" in result.stdout
