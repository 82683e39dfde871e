"""What pict-rs asks before a picture is published; it looks at the status alone."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.pictures import AWKWARD, meme
from support.signals import client_with_policies

from model import Scorer
from model.ocr import make_engine
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key

PICTURE = meme()
#: How an MP4 begins; pict-rs sends videos too.
VIDEO = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(200)


@pytest.fixture(scope="module")
def client(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """With OCR: a picture that nobody could read is reviewed."""
    reading = Scorer(scorer.bundle, scorer.runtime, make_engine("rapidocr", threads=1))
    with client_with_policies(reading, tmp_path_factory.mktemp("pict-rs"), ocr="rapidocr") as ready:
        yield ready


def _post(client: TestClient, content: bytes = PICTURE, kind: str = "image/png", **query: str) -> Any:
    return client.post("/v1/signals/pict-rs", content=content, headers={"Content-Type": kind}, params=query)


def test_a_picture_that_the_policy_allows_passes_with_the_id_of_its_decision(client: TestClient) -> None:
    answer = _post(client)
    assert (answer.status_code, answer.json()["decision"], answer.json()["judged"]) == (200, "allow", True)
    kept = client.get(f"/v1/decisions/{answer.json()['decision_id']}").json()
    assert (kept["route"], kept["kind"], kept["text"]) == ("/v1/signals/pict-rs", "picture", None)


def test_a_picture_that_the_policy_blocks_is_refused_with_the_reason(client: TestClient) -> None:
    answer = _post(client, policy="blocking")
    assert (answer.status_code, answer.json()["code"]) == (422, "blocked_by_policy")
    assert "block threshold" in answer.json()["detail"]
    decision_id = answer.json()["detail"].rpartition("(decision ")[2].rstrip(")")
    assert client.get(f"/v1/decisions/{decision_id}").json()["decision"] == "block"


def test_what_people_should_look_at_passes_unless_the_address_says_otherwise(client: TestClient) -> None:
    assert _post(client, policy="reviewing").json()["decision"] == "review"
    answer = _post(client, policy="reviewing", review="reject")
    assert (answer.status_code, answer.json()["code"]) == (422, "needs_review")
    assert _post(client, review="reject").status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (VIDEO, "unsupported_format"),
        *((content, code) for _, content, _, code in AWKWARD if code not in (None, "empty")),
    ],
)
def test_what_nobody_can_judge_means_review_and_is_said(client: TestClient, content: bytes, code: str) -> None:
    accepted = _post(client, content)
    assert (accepted.status_code, accepted.json()["decision"], accepted.json()["judged"]) == (200, "review", False)
    assert accepted.json()["error"]["code"] == code
    rejected = _post(client, content, review="reject")
    assert (rejected.status_code, rejected.json()["code"]) == (422, "needs_review")
    assert "not judged" in rejected.json()["detail"]


def test_a_picture_of_which_a_part_was_not_judged_is_not_called_judged(scorer: Scorer, tmp_path: Path) -> None:
    unread = Scorer(scorer.bundle, scorer.runtime, make_engine("none"))
    with client_with_policies(unread, tmp_path, ocr="none") as client:
        accepted, rejected = _post(client).json(), _post(client, review="reject").json()
    assert (accepted["decision"], accepted["judged"]) == ("review", False)
    assert accepted["error"]["code"] == "text_unavailable"
    assert accepted["decision_id"]
    assert rejected["code"] == "needs_review"
    assert "not judged" in rejected["detail"]


def test_the_bytes_say_what_a_picture_is_and_not_its_content_type(client: TestClient) -> None:
    assert _post(client, kind="video/mp4").json()["judged"] is True
    assert _post(client, VIDEO, kind="image/png").json()["judged"] is False


def test_a_body_in_pieces_is_read_whole_as_pict_rs_streams_it(client: TestClient) -> None:
    pieces = (PICTURE[at : at + 1000] for at in range(0, len(PICTURE), 1000))
    answer = client.post("/v1/signals/pict-rs", content=pieces, headers={"Content-Type": "image/png"})
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert answer.json()["judged"] is True


@pytest.mark.parametrize(
    ("content", "query", "status", "code"),
    [
        (b"", {}, 400, "empty"),
        (PICTURE, {"review": "maybe"}, 422, "invalid_request"),
        (PICTURE, {"policy": "none such"}, 422, "unknown_policy"),
    ],
)
def test_a_mistake_of_the_caller_is_no_picture_to_review(
    client: TestClient, content: bytes, query: dict[str, str], status: int, code: str
) -> None:
    answer = _post(client, content, **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_server_in_trouble_answers_503_and_lets_nothing_through(scorer: Scorer, tmp_path: Path) -> None:
    unusable = f"sqlite:///{tmp_path}/nowhere/ledger.db"
    (tmp_path / "nowhere").write_text("a file in the place of its folder")
    with client_with_policies(scorer, tmp_path, ledger_url=unusable) as client:
        answer = _post(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")


def test_the_key_may_be_the_password_of_the_address_here_and_nowhere_else(scorer: Scorer, tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.json"
    key, entry = new_key("pict-rs", ("classify",), None, None)
    change_keys(keys_file, lambda before: KeyList(keys=(*before.keys, entry)))

    def basic(credentials: bytes) -> dict[str, str]:
        return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}

    with client_with_policies(scorer, tmp_path, keys_file=keys_file) as client:

        def status(headers: dict[str, str], path: str = "/v1/signals/pict-rs") -> int:
            return client.post(path, content=PICTURE, headers=headers).status_code

        assert status(basic(f"pict-rs:{key}".encode())) == 200
        assert status(basic(f":{key}".encode())) == 200
        assert status({"X-API-Key": key}) == 200
        for wrong in (b"pict-rs:mg_no_key", key.encode(), b"\xff:\xfe", b":"):
            assert status(basic(wrong)) == 401
        assert status({"Authorization": "Basic ???"}) == 401
        assert status(basic(f"pict-rs:{key}".encode()), "/v1/classify") == 401
