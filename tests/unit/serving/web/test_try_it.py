"""``/try``: what is tried is judged like any other meme, told on the page, and kept nowhere."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from fastapi.testclient import TestClient
from PIL import Image
from support.animations import second_decides
from support.ledgers import database_of
from support.pictures import meme
from support.reviewing import try_meme

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.ledger.tables import decisions
from serving.settings import Settings

HOSTILE = "<script>alert(1)</script>\"' & \u202eevil"


def test_what_is_tried_is_judged_like_any_other_and_not_kept(keyless: TestClient, shared_url: str) -> None:
    said = {"text": "when the tea is ready"}
    judged = keyless.post("/v1/classify", files={"image": ("a.png", meme(), "image/png")}, data=said).json()
    page = try_meme(keyless, **said)
    assert page.status_code == 200
    assert f"{judged['scores']['hateful']:.2f}" in page.text
    with database_of(shared_url).reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(decisions)).scalar_one() == 1


def test_what_is_wrong_with_a_tried_meme_is_told_on_the_page(keyless: TestClient) -> None:
    as_browsers_send_it = b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n\r\n--x--\r\n'
    header = {"Content-Type": "multipart/form-data; boundary=x"}
    nothing = keyless.post("/try", content=as_browsers_send_it, headers=header)
    assert nothing.status_code == 422
    assert "Choose a picture" in nothing.text
    broken = keyless.post("/try", files={"image": ("a.png", b"no picture", "image/png")}, data={"text": HOSTILE})
    assert broken.status_code == 415
    assert "&lt;script&gt;" in broken.text
    assert "<script>alert" not in broken.text
    assert keyless.post("/try", data={"text": "a form of another kind"}).status_code == 415
    assert try_meme(keyless, policy="no-such").status_code == 422


def test_a_tried_meme_is_not_taken_from_another_site(keyless: TestClient) -> None:
    answer = keyless.post(
        "/try", files={"image": ("a.png", meme(), "image/png")}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403


def test_the_page_to_try_can_be_switched_off(scorer: Scorer, tmp_path: Path) -> None:
    settings = Settings(ocr="none", ledger_url=f"sqlite:///{tmp_path}/ledger.db", try_page=False)
    with TestClient(create_app(lambda: AppState(settings, scorer))) as client:
        assert client.get("/try").status_code == 404
        assert try_meme(client).status_code == 404
        assert 'href="/try"' not in client.get("/").text


def test_without_a_ledger_memes_are_tried_and_not_reviewed(scorer: Scorer) -> None:
    settings = Settings(ocr="none", ledger_url="none")
    with TestClient(create_app(lambda: AppState(settings, scorer)), follow_redirects=False) as client:
        assert try_meme(client, text="when the tea is ready").status_code == 200
        for path in ("/review", "/sign-in"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "switched off" in answer.text


def test_regions_take_no_more_than_half_of_the_room(scorer: Scorer) -> None:
    state = AppState(Settings(ocr="none", ledger_url="none", max_items=2, max_pending=2), scorer)
    with TestClient(create_app(lambda: state)) as client, state.admission.memes(1, slow=True):
        refused = try_meme(client, text="when the tea is ready", heat="yes")
        assert refused.status_code == 503
        assert "half may be explained" in refused.text
        assert try_meme(client, text="when the tea is ready").status_code == 200


def test_regions_are_drawn_where_they_are_asked_for(keyless: TestClient) -> None:
    page = try_meme(keyless, text="when the tea is ready", heat="yes")
    assert page.status_code == 200
    assert '<svg class="heat"' in page.text
    assert '<svg class="heat"' not in try_meme(keyless, text="when the tea is ready").text


def test_of_an_animation_the_frame_that_decided_is_shown(keyless: TestClient, scorer: Scorer) -> None:
    words = "when the tea is ready"
    animation, decides = second_decides(scorer, words)
    page = try_meme(keyless, animation, text=words)
    assert "The view that decided: frame 2 of 2." in page.text
    (drawn,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page.text)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn))), dtype=float)
    assert abs(shown - np.asarray(decides)).mean() < 10
