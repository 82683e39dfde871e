"""The pages of a map and of a search in a real browser: what a reader does with them, and that nothing hostile runs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect
from support.banks import photo
from support.batch import write_jsonl
from support.browser import tab
from support.indexes import make_index
from support.tiny import TinyBundle

from serving.cli import main

N_SCENES = 18
#: None of them may run, load anything, or show as anything but itself.
HOSTILE = [
    "</script><script>document.title = 'run'</script>",
    "<img src=x onerror=\"document.title = 'run'\">",
    "<svg/onload=\"document.title = 'run'\">",
    "<a href=\"javascript:document.title='run'\">words</a>",
    "<!--<script>",
    "{{ 7 * 7 }} ${7 * 7} `x`",
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that asks for nothing beside itself."""
    asked: list[str] = []
    with tab(browser, viewport={"width": 1000, "height": 900}) as page:
        page.on("request", lambda request: asked.append(request.url))
        yield page
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.fixture(scope="module")
def folder(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with thumbnails of scenes and of hostile words, and the pages made of it."""
    folder = tmp_path_factory.mktemp("pages")
    rows: list[dict[str, Any]] = []
    for number in range(N_SCENES + len(HOSTILE)):
        (folder / f"{number}.png").write_bytes(photo(number))
        hostile = HOSTILE[number - N_SCENES] if number >= N_SCENES else ""
        words = hostile or f"about {('apples', 'pears')[number % 2]} today"
        rows.append({"id": f"{hostile}m{number}", "image": f"{number}.png", "text": words})
    write_jsonl(folder / "in.jsonl", rows)
    make_index(folder / "in.jsonl", folder / "index", bundle=tiny.bundle.path, thumbnails=True)
    cluster = ["cluster", folder / "index", "--left", 2, "--min-cluster-size", 3, "--k-step", 2, "--out"]
    search = ["search", folder / "index", "--like", "m3", "--top", 30, "--html"]
    _run(*cluster, folder / "map")
    _run(*cluster, folder / "pictures", "--thumbnails")
    _run(*search, folder / "found.html")
    _run(*search, folder / "found-pictures.html", "--thumbnails")
    return folder


def _run(*arguments: object) -> None:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="memeguard")
    assert done.exit_code == 0, done.output


def _opened(page: Page, path: Path) -> Page:
    page.goto(path.as_uri())
    return page


def _drawn(page: Page) -> str:
    """What the map shows."""
    drawn: str = page.evaluate("document.getElementById('map').toDataURL()")
    return drawn


def _n_inked(page: Page) -> int:
    """Pixels of the map that are drawn on."""
    counted: int = page.evaluate(
        """() => {
          const map = document.getElementById("map");
          const data = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
          return data.filter((value, at) => at % 4 === 3 && value > 0).length;
        }"""
    )
    return counted


def test_a_map_is_zoomed_and_moved_by_mouse_buttons_and_keys_and_shown_whole_again(page: Page, folder: Path) -> None:
    _opened(page, folder / "map" / "map.html")
    whole = _drawn(page)
    assert _n_inked(page) > 100
    canvas = page.locator("#map")
    canvas.hover()
    seen = {whole}
    acts: list[Callable[[], object]] = [
        lambda: page.mouse.wheel(0, -100),
        lambda: page.locator("#closer").click(),
        lambda: canvas.press("ArrowLeft"),
        lambda: canvas.press("+"),
        lambda: _drag(page),
    ]
    for act in acts:
        act()
        page.wait_for_function("seen => !seen.includes(document.getElementById('map').toDataURL())", arg=list(seen))
        seen.add(_drawn(page))
    page.locator("#whole").click()
    assert _drawn(page) == whole


def _drag(page: Page) -> None:
    box = page.locator("#map").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 25, steps=3)
    page.mouse.up()


def test_walking_through_a_map_tells_of_each_meme_as_text(page: Page, folder: Path) -> None:
    _opened(page, folder / "map" / "map.html")
    told = page.locator("#told")
    expect(told).to_have_text("No meme is chosen.")
    texts = []
    for _ in range(N_SCENES + len(HOSTILE)):
        page.locator("#next").click()
        texts.append(told.inner_text())
    assert len(set(texts)) == N_SCENES + len(HOSTILE)
    for words in HOSTILE:
        assert any(text.startswith(f"{words}m") and text.endswith(f": {words}") for text in texts)
    assert told.locator("*").count() == 0
    expect(page).to_have_title("Map of memes")


def test_a_click_on_a_point_chooses_it(page: Page, folder: Path) -> None:
    _opened(page, folder / "map" / "map.html")
    page.locator("#next").click()  # the chosen meme is in the middle
    chosen = page.locator("#told").inner_text()
    page.locator("#previous").click()
    expect(page.locator("#told")).not_to_have_text(chosen)
    page.locator("#next").click()
    page.locator("#map").click()
    expect(page.locator("#told")).to_have_text(chosen)


def test_a_row_of_the_table_leads_to_the_sheet_of_its_cluster_and_the_sheet_to_the_map(
    page: Page, folder: Path
) -> None:
    _opened(page, folder / "map" / "map.html")
    whole = _drawn(page)
    row = page.locator("tbody th a").first
    number = row.inner_text()
    row.click()
    sheet = page.locator(f"section:has(#cluster-{number})")
    expect(sheet.locator("h3")).to_be_in_viewport()
    assert sheet.locator("ul.sheet li").count() > 0
    sheet.get_by_role("button", name=f"show cluster {number} on the map").click()
    expect(page.locator("#map")).to_be_focused()
    assert _drawn(page) != whole


@pytest.mark.parametrize(("name", "list_name"), [("map/map.html", ".sheet"), ("found.html", ".hits")])
def test_without_being_asked_for_there_are_no_pictures(page: Page, folder: Path, name: str, list_name: str) -> None:
    _opened(page, folder / name)
    assert page.locator(f"{list_name} li").count() > 3
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("name", ["pictures/map.html", "found-pictures.html"])
def test_pictures_are_blurred_until_each_is_asked_for(page: Page, folder: Path, name: str) -> None:
    _opened(page, folder / name)
    labels = page.locator("label.picture")
    first, second = labels.nth(0).locator("img"), labels.nth(1).locator("img")
    for picture in (first, second):
        expect(picture).to_have_css("filter", "blur(14px)")
    labels.nth(0).locator("input").check()
    expect(first).to_have_css("filter", "none")
    expect(second).to_have_css("filter", "blur(14px)")
    first.scroll_into_view_if_needed()
    assert first.evaluate("image => image.naturalWidth") > 10


def test_hostile_ids_and_words_of_a_search_are_text(page: Page, folder: Path) -> None:
    _opened(page, folder / "found.html")
    words = page.locator("p.words").all_inner_texts()
    assert set(HOSTILE) <= set(words)
    assert page.locator("main a, main script, main svg, main img").count() == 0
    expect(page).to_have_title("Search")


@pytest.mark.parametrize("width", [320, 1000])
@pytest.mark.parametrize("name", ["map/map.html", "found.html"])
def test_a_page_is_as_wide_as_its_window(page: Page, folder: Path, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    _opened(page, folder / name)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
