"""What the pages of review answer over HTTP, to who may see it and to who may not. Every step is a form."""

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from support.animations import second_decides
from support.reviewed_app import Reviewed, reviewing
from support.tiny import TinyBundle

from serving.ledger.tables import feedback

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'


@pytest.fixture(scope="module")
def plain(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    with reviewing(tiny, tmp_path_factory.mktemp("plain")) as found:
        yield found


def test_an_item_is_its_holders_alone(plain: Reviewed) -> None:
    plain.meme()
    anna, ben = plain.person("anna"), plain.person("ben")
    id = anna.take()
    for path in ("", "/picture", "/why", "/why?why=regions"):
        assert anna.client.get(f"/review/items/{id}{path}").status_code == 200
        refused = ben.client.get(f"/review/items/{id}{path}")
        assert (refused.status_code, id in refused.text) == (403, False)
    assert ben.send(f"/review/items/{id}", label_hateful="hateful").status_code == 403
    assert anna.send(f"/review/items/{id}", label_hateful="hateful").status_code == 303


def test_two_reviewers_never_get_the_same_item(plain: Reviewed) -> None:
    plain.meme()
    plain.meme()
    anna, ben = plain.person("anna"), plain.person("ben")
    first, second = anna.take(), ben.take()
    assert first != second
    anna.send("/review/leave")
    ben.send("/review/leave")


def test_who_left_gave_the_item_back(plain: Reviewed) -> None:
    plain.meme()
    anna, ben = plain.person("anna"), plain.person("ben")
    id = anna.take()
    assert anna.send("/review/leave").headers["location"] == "/review"
    assert anna.client.get(f"/review/items/{id}").status_code == 403
    assert ben.take() == id
    ben.send("/review/leave")


def test_a_decision_is_written_as_feedback_and_can_be_undone(plain: Reviewed) -> None:
    plain.meme()
    anna = plain.person("anna")
    id = anna.take()
    anna.send(f"/review/items/{id}", label_hateful="hateful", label_protected_class=["sex", "race"], reason="clear")
    kept = plain.person("lead").client.get(f"/review/decisions/{id}").text
    assert "hateful; protected class: race, sex" in kept
    assert "clear" in kept
    said = anna.client.get(f"/review/items/{id}").text
    assert "You said" in said
    assert anna.send("/review/undo").headers["location"] == f"/review/items/{id}"
    assert "Submit and next" in anna.client.get(f"/review/items/{id}").text
    with plain.state.decisions.database.reading() as connection:
        assert connection.execute(sa.select(feedback).where(feedback.c.decision_id == id)).all() == []
    anna.send("/review/leave")


def test_nothing_answered_is_told_and_nothing_is_lost(plain: Reviewed) -> None:
    plain.meme()
    anna = plain.person("anna")
    id = anna.take()
    refused = anna.send(f"/review/items/{id}", reason="half a thought")
    assert refused.status_code == 422
    assert "Answer the first question" in refused.text
    assert 'value="half a thought"' in refused.text
    assert anna.send(f"/review/items/{id}", label_hateful="no class").status_code == 422
    anna.send("/review/leave")


@pytest.mark.parametrize("action", ["cannot_judge", "escalate", "skip"])
def test_an_item_is_passed_on_without_an_answer(plain: Reviewed, action: str) -> None:
    plain.meme()
    anna = plain.person("anna")
    id = anna.take()
    assert anna.send(f"/review/items/{id}", action=action).status_code == 303
    assert anna.take() != id
    anna.send("/review/leave")


def test_a_form_without_the_sessions_token_is_refused(plain: Reviewed) -> None:
    plain.meme()
    anna = plain.person("anna")
    id = anna.take()
    for path in (f"/review/items/{id}", "/review/next", "/review/undo", "/review/leave"):
        assert anna.client.post(path, data={"label.hateful": "hateful"}).status_code == 403
        assert anna.client.post(path, data={"csrf": plain.person("ben").csrf}).status_code == 403
    assert anna.take() == id
    anna.send("/review/leave")


def test_strangers_and_callers_with_a_key_are_sent_to_sign_in(plain: Reviewed) -> None:
    id = plain.meme()["decision_id"]
    for path in ("/review", f"/review/items/{id}", f"/review/items/{id}/picture", "/review/leads"):
        answer = plain.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


def test_pages_of_leads_are_for_leads(plain: Reviewed) -> None:
    id = plain.meme()["decision_id"]
    anna, lead = plain.person("anna"), plain.person("lead")
    for path in ("/review/leads", f"/review/decisions/{id}", f"/review/decisions/{id}/picture"):
        assert anna.client.get(path).status_code == 403
        assert lead.client.get(path).status_code == 200
    assert anna.send(f"/review/decisions/{id}/appeal", reason="no").status_code == 403


def test_an_appeal_opens_a_decision_again_with_its_reason_and_history(plain: Reviewed) -> None:
    id = plain.meme()["decision_id"]
    lead, ben = plain.person("lead"), plain.person("ben")
    assert lead.send(f"/review/decisions/{id}/take").headers["location"] == f"/review/items/{id}"
    lead.send(f"/review/items/{id}", label_hateful="hateful")
    assert lead.send(f"/review/decisions/{id}/appeal", reason="").status_code == 422
    lead.send("/review/leave")
    lead.send(f"/review/decisions/{id}/appeal", reason="the poster complained")
    history = lead.client.get(f"/review/decisions/{id}").text
    assert re.search(r"labelled it.*appealed it.*the poster complained", history, re.DOTALL)
    found = ben.take("?source=appeal")
    assert found == id
    assert "the poster complained" in ben.client.get(f"/review/items/{id}").text
    ben.send("/review/leave")


def test_a_hostile_text_in_every_field_is_shown_as_text(plain: Reviewed) -> None:
    id = plain.meme(HOSTILE)["decision_id"]
    lead = plain.person("lead")
    lead.send(f"/review/decisions/{id}/take")
    pages = [lead.client.get(f"/review/items/{id}?policy={HOSTILE}"), lead.client.get(f"/review/items/{id}/why")]
    lead.send(f"/review/items/{id}", label_hateful="hateful", reason=HOSTILE)
    lead.send("/review/leave")
    lead.send(f"/review/decisions/{id}/appeal", reason=HOSTILE)
    pages += [lead.client.get(f"/review/{path}") for path in (f"items/{id}", f"decisions/{id}", "leads", "")]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert ">49<" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "style=" not in page.text


def test_a_picture_is_served_as_what_it_is_and_kept_by_no_cache(plain: Reviewed) -> None:
    plain.meme()
    anna = plain.person("anna")
    picture = anna.client.get(f"/review/items/{anna.take()}/picture")
    assert picture.headers["content-type"] == "image/png"
    assert (picture.headers["cache-control"], picture.headers["x-content-type-options"]) == ("no-store", "nosniff")
    anna.send("/review/leave")


def test_the_heat_map_of_an_animation_lies_on_the_frame_that_decided(plain: Reviewed) -> None:
    animation, decides = second_decides(plain.state.classifier.scorer, "tea is ready")
    id = plain.meme(picture=animation)["decision_id"]
    lead = plain.person("lead")
    lead.send(f"/review/decisions/{id}/take")
    for path in ("why?why=regions", "?why=regions"):
        page = lead.client.get(f"/review/items/{id}/{path}".replace("/?", "?")).text
        assert "The view that decided: frame 2 of 2." in page
        assert f'<img class="still" src="/review/items/{id}/picture?view=1" alt="">' in page
    still = lead.client.get(f"/review/items/{id}/picture?view=1")
    assert still.headers["content-type"] == "image/jpeg"
    shown = np.asarray(Image.open(io.BytesIO(still.content)), dtype=float)
    assert abs(shown - np.asarray(decides)).mean() < 10
    assert lead.client.get(f"/review/items/{id}/picture").content == animation
    for odd in ("2", "x", "-1", "9999999999"):
        assert lead.client.get(f"/review/items/{id}/picture?view={odd}").status_code == 404
    assert plain.person("ben").client.get(f"/review/items/{id}/picture?view=1").status_code == 403
    lead.send("/review/leave")


def test_an_unknown_or_odd_id_is_404(plain: Reviewed) -> None:
    anna = plain.person("anna")
    for id in ("0" * 32, "x", "..%2f..%2fetc"):
        assert anna.client.get(f"/review/items/{id}").status_code == 404
