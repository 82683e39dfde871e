"""Home, signing in and ``/try`` in a real Chromium on a real server: paste, drop, no scripts, the dark, a phone."""

import base64
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, FilePayload, Page, expect
from support.browser import assert_accessible, assert_fits, tab
from support.ledgers import database_of
from support.pictures import meme
from support.reviewing import KeyedServer, keyed_server
from support.tiny import TinyBundle

from serving.ledger.tables import decisions

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"' {{ 7 * 7 }}"
RIGHT_TO_LEFT = "\u0634\u0627\u064a \u062c\u0627\u0647\u0632"
#: A picture reaches the page as the clipboard or a drag would bring it.
_BRING = """([kind, content]) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def serving(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedServer]:
    with keyed_server(tiny.bundle.path, tmp_path_factory.mktemp("server")) as started:
        yield started


def _picture() -> FilePayload:
    return {"name": "meme.png", "mimeType": "image/png", "buffer": meme()}


def _judge(page: Page) -> None:
    page.get_by_role("button", name="Judge it").click()
    expect(page.locator(".verdict")).to_be_visible()


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_tried_by_paste_and_by_drop(serving: KeyedServer, browser: Browser, kind: str) -> None:
    with tab(browser) as page:
        serving.open(page, "/try", "anna")
        expect(page.locator("#preview")).to_be_hidden()
        page.evaluate(_BRING, [kind, base64.b64encode(meme()).decode()])
        expect(page.locator("#preview")).to_be_visible()
        page.get_by_label("Words").fill("tea is ready")
        _judge(page)
        expect(page.get_by_role("img", name="The picture that was judged")).to_be_visible()
        expect(page.locator(".words")).to_have_text("tea is ready")


def test_nothing_of_what_was_tried_is_kept(serving: KeyedServer, browser: Browser) -> None:
    with tab(browser) as page:
        serving.open(page, "/try", "anna")
        page.get_by_label("Words").fill("kept by nobody")
        _judge(page)
    database = database_of(serving.ledger)
    with database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(decisions)).scalar_one() == 0
    database.close()


def test_a_hostile_text_is_shown_as_text(serving: KeyedServer, browser: Browser) -> None:
    with tab(browser) as page:
        serving.open(page, "/try", "anna")
        page.get_by_label("Words").fill(HOSTILE)
        _judge(page)
        expect(page.locator(".words")).to_have_text(HOSTILE)
        expect(page.locator("textarea")).to_have_value(HOSTILE)
        expect(page.locator("main img[src='x']")).to_have_count(0)


def test_without_scripts_a_picture_is_chosen_and_judged(serving: KeyedServer, browser: Browser) -> None:
    with tab(browser, java_script_enabled=False) as page:
        serving.open(page, "/try", "anna")
        page.get_by_label("Picture").set_input_files(_picture())
        _judge(page)
        expect(page.get_by_role("img", name="The picture that was judged")).to_be_visible()


def test_what_is_no_picture_is_told_on_the_page(serving: KeyedServer, browser: Browser) -> None:
    with tab(browser, may_refuse=True) as page:
        serving.open(page, "/try", "anna")
        page.get_by_label("Picture").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"none"})
        page.get_by_label("Words").fill("tea is ready")
        page.get_by_role("button", name="Judge it").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Words")).to_have_value("tea is ready")


def test_signing_in_goes_on_to_the_page_that_was_asked_for_and_out_ends_it(
    serving: KeyedServer, browser: Browser
) -> None:
    with tab(browser, may_refuse=True) as page:
        page.goto(serving.server.url("/try"))
        page.get_by_label("key", exact=False).fill("mg_nothing")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("does not open")
        page.get_by_label("key", exact=False).fill(serving.keys["anna"])
        page.keyboard.press("Enter")
        page.wait_for_url(serving.server.url("/try"))
        (cookie,) = page.context.cookies()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(serving.server.url("/"))
        assert page.context.cookies() == []
    with tab(browser) as thief:
        thief.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": serving.server.url("/")}])
        thief.goto(serving.server.url("/review"))
        expect(thief.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_pages_are_accessible_light_and_dark_wide_and_on_a_phone(
    serving: KeyedServer, browser: Browser, scheme: str, width: int
) -> None:
    with tab(browser, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.goto(serving.server.url("/"))
        _check(page)
        page.goto(serving.server.url("/sign-in"))
        _check(page)
        serving.open(page, "/try", "lead")
        _check(page)
        page.get_by_label("Picture").set_input_files(_picture())
        page.get_by_label("Words").fill(RIGHT_TO_LEFT)
        _judge(page)
        expect(page.locator(".words")).to_have_css("direction", "rtl")
        _check(page)
        page.goto(serving.server.url("/"))
        expect(page.get_by_role("heading", name="What runs")).to_be_visible()
        _check(page)


def _check(page: Page) -> None:
    assert_accessible(page)
    assert_fits(page)
