"""Pictures of the review pages, for the docs: ``python scripts/draw_review_pages.py``.

Starts a server with the bundle that ships, on a ledger of its own, sends it harmless memes that are drawn here, lets
two reviewers answer them, and writes what Chromium shows to ``docs/_static/review_*.png``.
"""

import base64
import io
import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import sqlalchemy as sa
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from serving.ledger.database import Database
from serving.ledger.tables import review_actions
from serving.review.actions import label
from serving.review.audit import Reviewer
from serving.review.golden import add_golden
from serving.review.queue import Filters, Rules, take_next
from training.data.meme_renderer import MemeStyle, render_meme

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/ is in no wheel
from benchmarks.server_process import served

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "_static"
_CHROMIUM = "/usr/bin/chromium"
_WORDS = (
    ("when the tea", "is finally ready"),
    ("my cat at 4 am", "time for a concert"),
    ("climbing a mountain", "for one bar of signal"),
    ("the code works", "nobody knows why"),
    ("one more episode", "said everybody"),
    ("cycling to work", "against the wind"),
    ("soup of the day", "is soup of yesterday"),
    ("when the wifi", "comes back"),
    ("bought a plant", "it likes me"),
    ("sunday evening", "already"),
)
_POLICY = """\
format_version: 1
default: community
policies:
  community:
    version: "1"
    thresholds:
      hateful: {review: 0.01, block: 0.9}
"""
_RULES = Rules(second_share=1.0)


@dataclass(frozen=True)
class _Shot:
    """One picture: what of the page, how wide, and in which colours."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"


def main() -> None:
    """Write all of them."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as address, sync_playwright() as playwright:
        for place in range(len(_WORDS)):
            _send(address, place)
        _answer(Path(folder))
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=sandbox)
        for shot in (_Shot("item", 1180, 860), _Shot("dark", 1180, 860, "dark"), _Shot("phone", 390, 860)):
            with _signed_in(browser, address, shot) as page:
                page.get_by_role("button", name="Start").or_(page.get_by_role("button", name="Go on")).first.click()
                page.locator("#evidence", has_text="alone:").wait_for()
                page.locator("label.picture-label").click()
                page.locator(".answer").first.click()
                _write(page, shot)
        leads = _Shot("leads", 1180, 1250)
        with _signed_in(browser, address, leads) as page:
            page.goto(f"{address}/review/leads")
            _write(page, leads)
        browser.close()


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """The address of a server whose ledger lies in ``folder``."""
    (folder / "policies.yaml").write_text(_POLICY)
    environ = {
        "MEMEGUARD_POLICY_FILE": str(folder / "policies.yaml"),
        "MEMEGUARD_LEDGER_STORE_TEXT": "true",
        "MEMEGUARD_LEDGER_STORE_PICTURES": "true",
    }
    with served(folder, threads=2, workers=1, environment=os.environ | environ) as server:
        yield server.address


def _drawing(place: int) -> Image.Image:
    """A sun with a face, a cup or a mountain, in one of four lights."""
    sky = ((120, 170, 220), (250, 214, 165), (60, 70, 110), (196, 224, 196))[place % 4]
    ground = ((90, 150, 80), (200, 120, 70), (40, 45, 70), (120, 170, 120))[place % 4]
    picture = Image.new("RGB", (640, 480), sky)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 330, 640, 480), fill=ground)
    if place % 3 == 0:
        draw.rectangle((250, 190, 390, 350), fill=(245, 245, 245))
        draw.arc((370, 220, 450, 310), -90, 90, fill=(245, 245, 245), width=16)
        draw.ellipse((250, 175, 390, 205), fill=(120, 80, 50))
    elif place % 3 == 1:
        draw.ellipse((230, 160, 410, 340), fill=(240, 210, 120))
        draw.ellipse((275, 215, 300, 240), fill="black")
        draw.ellipse((340, 215, 365, 240), fill="black")
        draw.arc((280, 230, 360, 300), 20, 160, fill="black", width=6)
    else:
        draw.polygon([(200, 340), (320, 140), (440, 340)], fill=(150, 150, 160))
        draw.polygon([(285, 200), (320, 140), (355, 200)], fill="white")
    return picture


def _send(address: str, place: int) -> None:
    buffer = io.BytesIO()
    style: MemeStyle = "classic" if place % 2 == 0 else "caption_bar"
    words = _WORDS[place]
    render_meme(_drawing(place), words, style=style, rng=np.random.default_rng(place)).image.save(buffer, "PNG")
    body = {"image": base64.b64encode(buffer.getvalue()).decode(), "text": " ".join(words)}
    request = urllib.request.Request(  # noqa: S310  our own loopback address
        f"{address}/v1/classify", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=120).close()  # noqa: S310


def _answer(folder: Path) -> None:
    """Two reviewers answer most of the memes, as over some days; a few are golden items."""
    database = Database(sa.make_url(f"sqlite:///{folder}/ledger.db"))
    with database.writing() as connection:
        for n in range(16):
            reviewer = Reviewer(("anna", "ben")[n % 2])
            decision_id = take_next(connection, reviewer, Filters(), _RULES)
            if decision_id is None:
                break
            said = "hateful" if n % 7 == 3 else "not_hateful"
            label(connection, decision_id, reviewer, {"hateful": said, "offensive": "not_offensive"}, None, _RULES)
            if n in (14, 15):
                add_golden(connection, decision_id, {"hateful": "not_hateful"}, Reviewer("lead"), None)
        of_days = sa.select(review_actions.c.action_id, review_actions.c.created_at)
        for action_id, moment in connection.execute(of_days).all():
            earlier = moment - timedelta(days=(action_id * 7) % 20)
            change = review_actions.update().where(review_actions.c.action_id == action_id)
            connection.execute(change.values(created_at=earlier))
    database.close()


@contextmanager
def _signed_in(browser: Browser, address: str, shot: _Shot) -> Iterator[Page]:
    size: ViewportSize = {"width": shot.width, "height": shot.height}
    page = browser.new_page(viewport=size, color_scheme=shot.scheme)
    page.goto(f"{address}/sign-in")
    page.locator("input[name=name]").fill("cleo")
    page.locator("main button").click()
    page.get_by_role("heading", name="Review").wait_for()
    yield page
    page.close()


def _write(page: Page, shot: _Shot) -> None:
    """With few colours, so that the repository stays small."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(PICTURES / f"review_{shot.name}.png", optimize=True)


if __name__ == "__main__":
    main()
