"""Reviewing in a real Chromium on a real server: by keyboard alone, by two people at once, on a phone, in the dark."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect
from support.batch_samples import write_batch_sample
from support.browser import assert_accessible, assert_fits, tab
from support.callers import ask
from support.ledgers import database_of
from support.pictures import meme
from support.reviewing import KeyedServer, keyed_server, write_policy
from support.server import BOUNDARY, form
from support.tiny import TinyBundle

from serving.cli import main
from serving.ledger.tables import feedback, review_actions

_ITEM = re.compile(r"/review/items/[0-9a-f]{32}")
_START = re.compile("Start|Go on")
RIGHT_TO_LEFT = "\u0634\u0627\u064a \u062c\u0627\u0647\u0632"


class ReviewServer(KeyedServer):
    """One whose every decision goes to review, and whose scores are hidden until the first decision."""

    def fill(self, n: int, text: str = "tea is ready") -> list[str]:
        """Memes that nobody sent before; the ids of their decisions."""
        ids: list[str] = []
        for seed in range(n):
            words = f"{text} {len(ids)}".encode()
            body = form([("image", "a.png", meme(seed)), ("text", None, words)])
            content_type = f"multipart/form-data; boundary={BOUNDARY}"
            answer = ask(
                self.server, "POST", "/v1/classify", "127.0.0.1", body,
                X_API_Key=self.keys["pipeline"], Content_Type=content_type,
            )  # fmt: skip
            ids.append(answer.json()["decision_id"])
        return ids

    def sign_in(self, page: Page, name: str) -> None:
        self.open(page, "/review", name)
        at(page, "Review")

    def command(self, *arguments: str) -> str:
        result = CliRunner().invoke(main, ["review", *arguments, "--url", self.ledger])
        assert result.exit_code == 0, result.output
        return result.output


def at(page: Page, heading: str) -> None:
    """Wait until a page is the one with this heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.wait_for_load_state()


@pytest.fixture(scope="module")
def reviewing(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    folder = tmp_path_factory.mktemp("server")
    environ = {
        "MEMEGUARD_POLICY_FILE": str(write_policy(folder)),
        "MEMEGUARD_LEDGER_STORE_TEXT": "true",
        "MEMEGUARD_LEDGER_STORE_PICTURES": "true",
        "MEMEGUARD_REVIEW_HIDE_SCORES": "true",
        "MEMEGUARD_REVIEW_GOLDEN_SHARE": "0.5",
    }
    with keyed_server(tiny.bundle.path, folder, **environ) as started:
        yield ReviewServer(started.server, started.ledger, started.keys)


def _labelled(ledger: str) -> list[str]:
    database = database_of(ledger)
    with database.reading() as connection:
        ids = list(connection.execute(sa.select(feedback.c.decision_id)).scalars())
    database.close()
    return ids


def _press(page: Page, *keys: str) -> None:
    """Keys that bring another page, and wait for it."""
    before = page.url
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before)


def test_ten_items_are_reviewed_by_keyboard_and_become_feedback(reviewing: ReviewServer, browser: Browser) -> None:
    ids = reviewing.fill(11)
    with tab(browser) as page:
        reviewing.sign_in(page, "anna")
        _press(page, "j")
        for _ in range(10):
            at(page, "What is this meme?")
            _press(page, "1", "3", "j")
        expect(page.locator(".review-bar")).to_contain_text("10 reviewed today")
    assert sorted(_labelled(reviewing.ledger)) == sorted(ids[:10])


def test_the_last_answer_is_looked_at_again_and_undone_by_keyboard(reviewing: ReviewServer, browser: Browser) -> None:
    with tab(browser) as page:
        reviewing.sign_in(page, "anna")
        _press(page, "j")
        item = page.url
        page.keyboard.press("2")
        _press(page, "Enter")
        _press(page, "k")
        expect(page.get_by_text("You said: hateful")).to_be_visible()
        expect(page.get_by_role("progressbar")).not_to_have_count(0)  # scores are told now
        expect(page.locator("#evidence")).to_contain_text("alone:")
        page.keyboard.press("u")
        expect(page.get_by_role("button", name="Submit and next")).to_be_visible()
        assert _ITEM.search(page.url) == _ITEM.search(item) or page.url.partition("?")[0] == item.partition("?")[0]
        page.keyboard.press("r")
        page.keyboard.type("1 is no key here")
        expect(page.get_by_label("Reason, if you like")).to_have_value("1 is no key here")
        page.get_by_role("button", name="Leave").click()


def test_two_reviewers_at_once_get_different_items(reviewing: ReviewServer, browser: Browser) -> None:
    reviewing.fill(2)
    with tab(browser, may_refuse=True) as one, tab(browser) as other:
        for page, name in ((one, "anna"), (other, "ben")):
            reviewing.sign_in(page, name)
            _press(page, "j")
        assert one.url != other.url
        one.goto(other.url)
        expect(one.get_by_text("this item is not yours now")).to_be_visible()
        picture = one.goto(f"{other.url.partition('?')[0]}/picture")
        assert picture is not None
        assert picture.status == 403
        other.get_by_role("button", name="Leave").click()
        one.goto(reviewing.server.url("/review"))
        _press(one, "j")
        one.get_by_role("button", name="Leave").click()


def test_the_picture_is_covered_until_it_is_asked_for_and_so_are_the_scores(
    reviewing: ReviewServer, browser: Browser
) -> None:
    with tab(browser) as page:
        reviewing.sign_in(page, "anna")
        _press(page, "j")
        picture = page.get_by_role("img", name="The meme's picture")
        expect(picture).to_have_css("filter", "blur(22px)")
        page.keyboard.press("p")
        expect(picture).to_have_css("filter", "none")
        page.keyboard.press("p")
        expect(picture).to_have_css("filter", "blur(22px)")
        expect(page.get_by_role("progressbar")).to_have_count(0)
        expect(page.get_by_text("hidden until you have decided").first).to_be_visible()
        page.get_by_role("button", name="Leave").click()


def test_without_scripts_the_whole_way_works(reviewing: ReviewServer, browser: Browser) -> None:
    reviewing.fill(1)
    with tab(browser, java_script_enabled=False) as page:
        reviewing.sign_in(page, "ben")
        page.get_by_role("button", name="Start").first.click()
        page.get_by_label("Show picture").check(force=True)
        page.get_by_label("Hateful", exact=False).last.check(force=True)
        item = page.url
        page.get_by_role("button", name="Submit and next").click()
        page.wait_for_url(lambda url: url != item)
        page.get_by_role("link", name="Look at it again").click()
        at(page, "You have decided this one")
        expect(page.get_by_text("You said")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("button", name="Leave").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_are_accessible_light_and_dark_wide_and_on_a_phone(
    reviewing: ReviewServer, browser: Browser, scheme: str, width: int
) -> None:
    reviewing.fill(1, RIGHT_TO_LEFT)
    with tab(browser, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        reviewing.sign_in(page, "lead")
        _check(page, "Review")
        page.get_by_role("button", name=_START).first.click()
        _check(page, "What is this meme?")
        page.locator(".answer").first.click()
        page.get_by_role("button", name="Submit and next").click()
        page.get_by_role("link", name="Look at it again").click()
        at(page, "You have decided this one")
        expect(page.locator("#evidence")).to_contain_text("alone:")
        _check(page, "You have decided this one")
        page.goto(reviewing.server.url("/review/leads"))
        _check(page, "Figures of review")
        page.get_by_role("table").last.get_by_role("link").first.click()
        _check(page, "History of a decision")


def _check(page: Page, heading: str) -> None:
    at(page, heading)
    assert_accessible(page)
    assert_fits(page)


def test_a_lead_reopens_a_decision_and_another_reviewer_gets_it_with_the_reason(
    reviewing: ReviewServer, browser: Browser
) -> None:
    decided = _labelled(reviewing.ledger)[0]
    with tab(browser) as page:
        reviewing.sign_in(page, "lead")
        page.goto(reviewing.server.url(f"/review/decisions/{decided}"))
        page.get_by_label("Appeal").fill("the poster complained")
        page.get_by_role("button", name="Open it for review again").click()
        expect(page.get_by_text("It waits for a reviewer.")).to_be_visible()
        expect(page.locator("li", has_text="the poster complained")).to_be_visible()
    with tab(browser) as page:
        reviewing.sign_in(page, "cleo")
        page.get_by_text("Choose which memes").click()
        page.get_by_label("Why in the queue").select_option("appeal")
        page.get_by_role("button", name="Start with these").click()
        expect(page.get_by_text("the poster complained")).to_be_visible()
        assert decided in page.url
        page.get_by_role("button", name="Leave").click()


def test_a_golden_item_comes_like_any_other_and_its_answer_is_held_against_it(
    reviewing: ReviewServer, browser: Browser
) -> None:
    (golden,) = reviewing.fill(1)
    reviewing.command("golden", "add", golden, "--label", "hateful=hateful")
    with tab(browser) as page:
        reviewing.sign_in(page, "cleo")
        for _ in range(60):  # half of what is given is golden, by chance
            page.get_by_role("button", name=_START).first.click()
            page.wait_for_url(_ITEM)
            expect(page.locator("body")).not_to_contain_text("golden", ignore_case=True)
            is_golden = golden in page.url
            _press(page, *(["2", "j"] if is_golden else ["s"]))
            page.goto(reviewing.server.url("/review"))
            if is_golden:
                break
        assert is_golden
    with tab(browser) as page:
        reviewing.sign_in(page, "lead")
        page.goto(reviewing.server.url("/review/leads"))
        expect(page.locator("svg", has_text="cleo")).to_contain_text("1.00 (n=1)")


def test_an_imported_batch_sample_is_shown_and_decided(
    reviewing: ReviewServer, browser: Browser, tmp_path: Path
) -> None:
    write_batch_sample(tmp_path)
    before = _labelled(reviewing.ledger)
    assert "4 items imported" in reviewing.command("import", str(tmp_path), "--by", "lead")
    words = set()
    with tab(browser) as page:
        reviewing.sign_in(page, "ben")
        page.get_by_text("Choose which memes").click()
        page.get_by_label("Why in the queue").select_option("import")
        page.get_by_role("button", name="Start with these").click()
        for _ in range(4):
            at(page, "What is this meme?")
            shown = page.get_by_role("region", name="Words of the meme").inner_text()
            pictures = page.get_by_role("img", name="The meme's picture")
            expect(pictures).to_have_count(0 if shown == "words 0" else 1)  # one is of words alone
            words.add(shown)
            _press(page, "2", "j")
        at(page, "Review")
    assert words == {f"words {number}" for number in range(4)}
    assert len(_labelled(reviewing.ledger)) == len(before) + 4


def test_every_step_left_a_row_in_the_audit(reviewing: ReviewServer) -> None:
    database = database_of(reviewing.ledger)
    with database.reading() as connection:
        kinds = set(connection.execute(sa.select(review_actions.c.kind)).scalars())
    database.close()
    assert kinds >= {
        "signed_in", "taken", "left", "labelled", "undone", "appealed", "shown", "golden_added", "imported"
    }  # fmt: skip
