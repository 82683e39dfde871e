import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.preparation import picture
from support.strict_pages import StrictPage
from support.tiny import TinyBundle

from serving.cli import main
from serving.schemas import VerdictDoc


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "meme.png"
    picture(1).save(path)
    return path


def _run(tiny: TinyBundle, command: str, *arguments: object) -> Result:
    flags = ["--bundle", tiny.bundle.path, "--ocr", "none", "--threads", "1"]
    return CliRunner().invoke(main, [command, *map(str, [*arguments, *flags])])


def test_the_page_is_written_where_it_was_asked_for(tiny: TinyBundle, file: Path, tmp_path: Path) -> None:
    result = _run(tiny, "explain", file, "--text", "red blu", "--out", tmp_path / "why.html")
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "why.html") in result.output
    page = StrictPage.of(tmp_path / "why.html")
    assert page.all("title")[0].content == "Why: meme.png"
    assert [one.content for one in page.all("mark")] == ["red", "blu"]
    assert len(page.all("img")) == 1


@pytest.mark.parametrize(
    ("flags", "n_regions", "n_pairs"), [([], 16, 8), (["--level", "regions"], 16, 0), (["--level", "words"], 0, 0)]
)
def test_json_is_the_verdict_with_as_much_of_its_explanation(
    tiny: TinyBundle, file: Path, flags: list[str], n_regions: int, n_pairs: int
) -> None:
    result = _run(tiny, "explain", file, "--text", "red blu", "--json", *flags)
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout)
    assert line.pop("file") == str(file)
    explanation = VerdictDoc.model_validate(line).explanation
    assert explanation is not None
    assert (len(explanation.regions), len(explanation.pairs)) == (n_regions, n_pairs)


def test_page_and_json_may_be_asked_for_at_once(tiny: TinyBundle, file: Path, tmp_path: Path) -> None:
    result = _run(tiny, "explain", file, "--text", "red", "--json", "--out", tmp_path / "why.html")
    assert json.loads(result.stdout)["explanation"]["regions"]
    assert (tmp_path / "why.html").exists()


def test_without_a_place_for_the_page_it_says_what_to_give(tiny: TinyBundle, file: Path) -> None:
    result = _run(tiny, "explain", file)
    assert result.exit_code == 2
    assert "--out why.html" in result.output


def test_a_bad_file_is_one_line_of_error(tiny: TinyBundle, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_bytes(b"no picture")
    result = _run(tiny, "explain", tmp_path / "notes.jpg", "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert not result.stdout


def test_scoring_tells_why_in_json_alone(tiny: TinyBundle, file: Path) -> None:
    told = _run(tiny, "score", file, "--text", "red", "--json", "--explain", "regions")
    assert len(json.loads(told.stdout)["explanation"]["regions"]) == 16
    refused = _run(tiny, "score", file, "--text", "red", "--explain", "regions")
    assert refused.exit_code == 2
    assert "--json" in refused.output
