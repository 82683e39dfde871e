"""A real Chromium, Debian's, driven by Playwright: what it complains of fails the test that made it do so."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, sync_playwright

_PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
#: A machine without a network refuses what Chromium would ask its makers for.
_QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
#: Far over what a page takes, for a machine that is busy with other tests.
_TIMEOUT_MS = 60_000
#: WCAG 2.2 on level AA, and the levels below it.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is started once for a file's tests."""
    path = next((path for path in _PATHS if Path(path).exists()), None)
    assert path is not None, "these tests open pages in Chromium: apt-get install chromium (`make setup` does it)"
    # Chromium's own sandbox does not work as root.
    args = [*_QUIET, "--no-sandbox"] if os.geteuid() == 0 else list(_QUIET)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, *, may_refuse: bool = False, **options: Any) -> Iterator[Page]:
    """A page of a person of its own (cookies too), that must come to its end without a complaint of the browser.

    ``options`` are of Playwright's ``new_context``. ``may_refuse``: answers over 399 are asked for, and no complaint.
    """
    context = browser.new_context(**options)
    context.set_default_timeout(_TIMEOUT_MS)
    page = context.new_page()
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        is_refusal = may_refuse and message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not is_refusal:
            complaints.append(message.text)

    def asked(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def failed(error: Error) -> None:
        complaints.append(str(error))

    page.on("console", heard)
    page.on("pageerror", failed)
    page.on("dialog", asked)
    yield page
    context.close()
    assert not complaints


def assert_accessible(page: Page) -> None:
    """Nothing that axe finds amiss by WCAG 2.2 AA."""
    found = Axe().run(page, options=_RULES).response["violations"]
    told = [{"rule": one["id"], "where": [node["target"] for node in one["nodes"]]} for one in found]
    assert not told, json.dumps(told, indent=1)


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
