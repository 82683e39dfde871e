import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.batch import write_jsonl
from support.indexes import make_index
from support.pictures import meme
from support.shared_space import with_shared_space
from support.strict_pages import StrictPage
from support.tiny import TinyBundle

from serving.cli import main
from serving.index.queries import Query, query_of_text
from serving.index.reader import opened_index
from serving.index.search import search, ways_for

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</p></li></ol></main><h1>taken over</h1>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "javascript:alert(1)",
    "' OR 1=1; DROP TABLE memes; --",
    'NEAR("a" "b") AND col:x * ^',
    "\x1b[2Jred \u202egnihtemos",
    "]]><!-- -->&lt;&#x3c;",
]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="memeguard")


def _found(*arguments: object) -> list[dict[str, Any]]:
    done = _run("search", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve memes with words of their own, three of words alone, and pictures under hostile ids and words."""
    folder = tmp_path_factory.mktemp("search")
    rows: list[dict[str, Any]] = []
    for number in range(12):
        (folder / f"{number}.png").write_bytes(meme(number))
        rows.append({"id": f"m{number}", "image": f"{number}.png", "text": f"sentence about topic{number} and cats"})
    rows += [{"id": f"w{number}", "text": f"only words, subject{number} on dogs"} for number in range(3)]
    for number, words in enumerate(HOSTILE):
        (folder / f"h{number}.png").write_bytes(meme(20 + number))
        rows.append({"id": f"{words} {number}", "image": f"h{number}.png", "text": words})
    write_jsonl(folder / "in.jsonl", rows)
    return folder


@pytest.fixture(scope="module")
def index(folder: Path, tiny: TinyBundle) -> Path:
    make_index(folder / "in.jsonl", folder / "index", bundle=tiny.bundle.path, thumbnails=True)
    return folder / "index"


@pytest.fixture(scope="module")
def bundle(tiny: TinyBundle) -> list[object]:
    return ["--bundle", tiny.bundle.path]


def test_a_picture_finds_itself_first_with_pdq_distance_beside(index: Path, folder: Path, bundle: list[object]) -> None:
    for number in (0, 5, 11):
        found = _found(index, "--image", folder / f"{number}.png", "--top", 5, *bundle)
        assert len(found) == 5
        assert found[0]["id"] == f"m{number}"
        assert found[0]["same_file"]
        assert found[0]["pdq_distance"] == 0
        assert found[0]["picture"] == pytest.approx(1, abs=2e-3)
        cosines = [hit["picture"] for hit in found]
        assert cosines == sorted(cosines, reverse=True)
        assert all(0 <= hit["pdq_distance"] <= 256 for hit in found)


def test_like_finds_others_and_never_the_meme_itself(index: Path) -> None:
    found = _found(index, "--like", "m3", "--top", 100)
    assert "m3" not in [hit["id"] for hit in found]
    assert len(found) == 12 + len(HOSTILE) - 1
    words_alone = _found(index, "--like", "w0")
    assert "w0" not in [hit["id"] for hit in words_alone]
    assert {hit["picture"] for hit in words_alone} == {None}


def test_words_are_found_as_they_are(index: Path) -> None:
    assert [hit["id"] for hit in _found(index, "--text", "TOPIC7", "--by", "words")] == ["m7"]
    assert {hit["id"] for hit in _found(index, "--text", "dogs", "--by", "words")} == {"w0", "w1", "w2"}
    both = [hit["id"] for hit in _found(index, "--text", "cats topic2", "--by", "words", "--top", 3)]
    assert both[0] == "m2"


def test_by_meaning_the_same_words_are_nearest(index: Path, bundle: list[object]) -> None:
    found = _found(index, "--text", "only words, subject1 on dogs", "--by", "meaning", *bundle)
    assert found[0]["meaning"] == pytest.approx(1, abs=2e-3)
    assert "w1" in [hit["id"] for hit in found if hit["meaning"] > 0.998]


def test_without_a_way_words_and_meaning_are_ranked_together(index: Path, bundle: list[object]) -> None:
    found = _found(index, "--text", "sentence about topic4 and cats", *bundle)
    assert found[0]["id"] == "m4"
    assert found[0]["words"] is not None
    assert found[0]["meaning"] is not None
    assert found[0]["description"] is None


def test_a_description_needs_towers_that_share_a_space(index: Path, bundle: list[object]) -> None:
    told = _run("search", index, "--text", "a cat on a chair", "--by", "description", *bundle)
    assert told.exit_code == 1
    assert "needs an index made with the bundle of an open_clip model" in " ".join(told.output.split())


@pytest.mark.parametrize("text", [*HOSTILE, '"', "a" * 3000, "🙂", "* OR *"])
def test_hostile_words_are_looked_for_as_words(index: Path, text: str) -> None:
    with opened_index(index) as opened:
        query = query_of_text(None, text)
        found = search(opened, query, ("words",), 5) if query.terms else []
        assert all(isinstance(hit.words, float) for hit in found)
        assert opened.database.n_memes == 12 + 3 + len(HOSTILE)


def test_another_bundle_is_refused(index: Path, folder: Path) -> None:
    told = " ".join(_run("search", index, "--image", folder / "0.png").output.split())
    assert "is an index of tiny 0.0.1" in told
    assert "not of compact" in told


def test_what_cannot_be_searched_is_told(index: Path, tmp_path: Path, bundle: list[object]) -> None:
    assert "has no meme with the id 'nobody'" in _run("search", index, "--like", "nobody").output
    assert "is no index" in _run("search", tmp_path, "--like", "m1").output
    assert "give one of --image, --text and --like" in _run("search", index).output
    assert "give one of" in _run("search", index, "--text", "a", "--like", "b").output
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    told = _run("search", index, "--image", bad, *bundle)
    assert told.exit_code == 1
    assert "Traceback" not in told.output


def test_a_table_for_people_holds_no_control_characters(index: Path) -> None:
    told = _run("search", index, "--like", "m1", "--top", 100)
    assert told.exit_code == 0
    assert "\x1b[2J" not in told.output
    assert "\u202e" not in told.output


def test_the_page_is_whole_and_nothing_in_it_runs_or_loads(index: Path, tmp_path: Path) -> None:
    page_path = tmp_path / "found.html"
    assert _run("search", index, "--like", "m1", "--top", 100, "--html", page_path, "--thumbnails").exit_code == 0
    page = StrictPage.of(page_path)
    assert page.all("script") == []
    assert page.handlers() == []
    assert page.loads() == []
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert len(page.all("h1")) == 1
    shown = {re.sub(r"^\d+\.\s+", "", one.content.strip()) for one in page.all("h3")}
    assert {f"{words} {number}" for number, words in enumerate(HOSTILE)} <= shown
    assert [one.content for one in page.all("p") if one.content == HOSTILE[0]]


def test_pictures_are_off_by_default_and_blurred_when_on(index: Path, tmp_path: Path) -> None:
    plain, pictured = tmp_path / "plain.html", tmp_path / "pictured.html"
    assert _run("search", index, "--like", "m1", "--html", plain).exit_code == 0
    assert StrictPage.of(plain).all("img") == []
    assert _run("search", index, "--like", "m1", "--html", pictured, "--thumbnails").exit_code == 0
    page = StrictPage.of(pictured)
    images, boxes = page.all("img"), page.all("input")
    assert len(images) == len(boxes) == 20
    assert all(one.attributes["alt"].startswith("thumbnail of ") for one in images)
    assert not any("checked" in one.attributes for one in boxes)
    assert re.search(r"\.picture img \{[^}]*filter: blur", page.all("style")[0].content)
    assert "thumbnails belongs to --html" in _run("search", index, "--like", "m1", "--thumbnails").output


def test_the_page_can_be_used_by_keyboard_and_screen_reader(index: Path, tmp_path: Path) -> None:
    path = tmp_path / "found.html"
    assert _run("search", index, "--like", "m1", "--html", path).exit_code == 0
    page = StrictPage.of(path)
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.all("title")[0].content == "Search"
    assert page.all("a")[0].attributes == {"class": "skip", "href": "#hits"}
    assert len(page.all("main")) == 1
    scrolled = [one for one in page.all("p") if one.attributes.get("class") == "words"]
    assert all(one.attributes["tabindex"] == "0" and one.attributes["aria-label"] for one in scrolled)


def test_where_towers_share_a_space_a_description_finds_pictures(
    folder: Path, tiny: TinyBundle, tmp_path: Path
) -> None:
    bundle = with_shared_space(tiny, tmp_path)
    make_index(folder / "in.jsonl", tmp_path / "index", bundle=bundle.path)
    with opened_index(tmp_path / "index") as opened:
        assert opened.manifest.shared_space
        words = np.asarray(opened.arrays.image[4], dtype=np.float32) if opened.arrays.image is not None else None
        query = Query("a description", text=words, description=words, terms=("topic4",))
        assert ways_for(opened, query, None) == ("words", "meaning", "description")
        found = search(opened, query, ("description",), 3)
        assert found[0].meme.id == "m4"
        assert found[0].description == pytest.approx(1, abs=2e-3)
    described = _found(tmp_path / "index", "--text", "cats", "--by", "description", "--bundle", bundle.path)
    assert all(hit["description"] is not None for hit in described)
