"""What the pages of review answer over HTTP, to who may see it and to who may not. Every step is a form."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from support.pictures import meme
from support.reviewing import Person, write_keys, write_policy
from support.tiny import TinyBundle

from model import load
from serving.app_state import AppState
from serving.http.app import create_app
from serving.ledger.tables import feedback
from serving.review.audit import Reviewer
from serving.review.golden import add_golden
from serving.settings import Settings

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'


class Reviewed:
    """An app whose every decision goes to review, and the people with keys for it."""

    def __init__(self, client: TestClient, keys: dict[str, str], state: AppState) -> None:
        self.client, self.state, self._keys = client, state, keys
        self._n_memes = 0

    def person(self, name: str) -> Person:
        return Person(self.client, self._keys[name])

    def meme(self, text: str = "tea is ready") -> dict[str, Any]:
        """The verdict of a meme that nobody sent before."""
        self._n_memes += 1
        answer = self.client.post(
            "/v1/classify",
            files={"image": meme(self._n_memes)},
            data={"text": text, "tags": "tea"},
            headers={"X-API-Key": self._keys["pipeline"]},
        )
        verdict: dict[str, Any] = answer.json()
        return verdict

    def golden(self, **labels: str) -> str:
        """A decision whose answer is known."""
        decision_id: str = self.meme()["decision_id"]
        ledger = self.state.decisions
        with ledger.database.writing() as connection:
            add_golden(connection, decision_id, labels, Reviewer("lead"), None)
        return decision_id


@contextmanager
def reviewing(tiny: TinyBundle, folder: Path, **settings: Any) -> Iterator[Reviewed]:
    keys_file, keys = write_keys(folder)
    given = {
        "ocr": "none",
        "ledger_url": f"sqlite:///{folder}/ledger.db",
        "ledger_store_text": True,
        "ledger_store_pictures": True,
        "keys_file": keys_file,
        "policy_file": write_policy(folder),
    }
    scorer = load(tiny.bundle.path, ocr="none", threads=1)
    state = AppState(Settings.model_validate(given | settings), scorer)
    with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
        yield Reviewed(client, keys, state)


@pytest.fixture(scope="module")
def plain(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    with reviewing(tiny, tmp_path_factory.mktemp("plain")) as found:
        yield found


@pytest.fixture(scope="module")
def hiding(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    """Scores are hidden until the first decision; half of what is given is golden, where there is any."""
    with reviewing(tiny, tmp_path_factory.mktemp("hiding"), review_hide_scores=True, review_golden_share=0.5) as found:
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


def test_an_unknown_or_odd_id_is_404(plain: Reviewed) -> None:
    anna = plain.person("anna")
    for id in ("0" * 32, "x", "..%2f..%2fetc"):
        assert anna.client.get(f"/review/items/{id}").status_code == 404


def tells_score(page: str, verdict: dict[str, Any]) -> bool:
    """Whether a page has a score of a verdict, as rounded anywhere, or a part of a page that tells one."""
    scores = [score for score in verdict["scores"].values() if isinstance(score, float)]
    told = [f"{score:.{digits}f}" for score in scores for digits in (2, 3)] + [
        "<progress",
        "decision: <strong>",
        "alone:",
    ]
    return any(one in page for one in told)


def test_no_route_tells_a_score_before_the_first_decision(hiding: Reviewed) -> None:
    verdict = hiding.meme("monday again")
    anna = hiding.person("anna")
    id = anna.take("?band=9&order=highest&decision=block")
    assert id == verdict["decision_id"]  # what would tell a score chooses nothing
    page = anna.client.get(f"/review/items/{id}")
    assert page.status_code == 200
    assert "word list to_look_at" in page.text
    asked = [page] + [
        anna.client.get(f"/review/items/{id}{path}")
        for path in ("?why=words", "?why=regions", "/why", "/why?why=regions")
    ]
    asked += [anna.client.get(path) for path in ("/review", f"/review/decisions/{id}", f"/v1/decisions/{id}")]
    asked.append(hiding.person("lead").client.get(f"/review/decisions/{id}"))
    for answer in asked:
        assert not tells_score(answer.text, verdict), answer.url
    assert [answer.status_code for answer in asked] == [200, 200, 200, 403, 403, 200, 403, 401, 200]
    anna.send(f"/review/items/{id}", label_hateful="not_hateful")
    for path in ("", "/why", "/why?why=regions"):
        assert tells_score(anna.client.get(f"/review/items/{id}{path}").text, verdict)


def test_a_golden_item_looks_like_any_other_and_measures_its_reviewer(hiding: Reviewed) -> None:
    golden = hiding.golden(hateful="hateful")
    ben, ids = hiding.person("ben"), []
    for _ in range(60):  # half of what is given is golden, by chance
        id = ben.take()
        if id:
            ids.append(id)
            page = ben.client.get(f"/review/items/{id}").text
            assert "golden" not in page.lower()
            ben.send(f"/review/items/{id}", label_hateful="hateful")
            ben.send("/review/leave")
        if id == golden:
            break
    assert golden in ids
    figures = hiding.person("lead").client.get("/review/leads").text
    assert re.search(r"ben: 1\.00", figures)
