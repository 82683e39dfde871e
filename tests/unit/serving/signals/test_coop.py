"""Inputs of signals as Coop gives them to plugins, and results as it reads them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.pictures import meme
from support.reading import NOT_READ, READ_IN_PART, READS, TeaReader
from support.signals import client_with_policies
from support.tls_host import TlsHost, page, tls_host

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.inference.image_fetcher import Fetcher
from serving.security.key_file import change_keys
from serving.security.keys import KeyList, new_key
from serving.security.public_network import CheckedNetwork
from serving.settings import Settings

URL = "/v1/signals/coop"
NAME = "pictures.example.org"
WORDS = "when the code works"


async def _here(_: str, __: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsHost]:
    with tls_host(tmp_path_factory.mktemp("tls"), NAME) as ready:
        ready.pages |= {"/0.png": page(meme(0)), "/1.png": page(meme(1)), "/bad.png": page(b"no picture")}
        ready.pages |= {"/in_part.png": page(READ_IN_PART), "/unread.png": page(NOT_READ)}
        yield ready


@pytest.fixture(scope="module")
def client(host: TlsHost, scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app whose fetcher takes the host's name to be public."""
    folder = tmp_path_factory.mktemp("coop")
    reading = Scorer(scorer.bundle, scorer.runtime, TeaReader())
    listed = {"fetch_hosts": (f"{NAME}:{host.port}",), "fetch_ca_file": host.ca_file}
    with client_with_policies(reading, folder, max_items=4, **listed) as ready:
        state: AppState = ready.app.state.app_state  # type: ignore[attr-defined]
        state.fetcher = Fetcher(state.settings, CheckedNetwork(_here, lambda _: True))
        yield ready


def _input(value: dict[str, Any]) -> dict[str, Any]:
    """With all that Coop puts beside the value."""
    return {
        "value": value,
        "matchingValues": None,
        "actionPenalties": None,
        "contentId": "item-1",
        "userId": "user-1",
        "orgId": "org-1",
        "contentType": "post",
    }


def _string(words: str = WORDS) -> dict[str, Any]:
    return {"type": "STRING", "value": words}


def _image(host: TlsHost, name: str = "0") -> dict[str, Any]:
    return {"type": "IMAGE", "value": {"url": _url(host, name), "hashes": {"pdq": "0" * 64}, "matchedBanks": []}}


def _url(host: TlsHost, name: str) -> str:
    return f"https://{NAME}:{host.port}/{name}.png"


def _container(kind: str, of: str) -> dict[str, Any]:
    return {"containerType": kind, "keyScalarType": "STRING" if kind == "MAP" else None, "valueScalarType": of}


def _item(**data: Any) -> dict[str, Any]:
    fields = [
        {"name": "title", "type": "STRING", "required": True, "container": None},
        {"name": "photo", "type": "IMAGE", "required": False, "container": None},
        {"name": "more", "type": "ARRAY", "required": False, "container": _container("ARRAY", "STRING")},
        {"name": "captions", "type": "MAP", "required": False, "container": _container("MAP", "STRING")},
        {"name": "album", "type": "MAP", "required": False, "container": _container("MAP", "IMAGE")},
        {"name": "media", "type": "ARRAY", "required": False, "container": _container("ARRAY", "MEDIA")},
        {"name": "film", "type": "VIDEO", "required": False, "container": None},
        {"name": "sound", "type": "AUDIO", "required": False, "container": None},
        {"name": "shape", "type": "HOLOGRAM", "required": False, "container": None},
        {"name": "likes", "type": "NUMBER", "required": False, "container": None},
    ]
    return {"itemType": {"id": "post", "kind": "CONTENT", "name": "post", "schema": fields}, "data": data}


def _ask(client: TestClient, value: dict[str, Any], **query: str) -> Any:
    return client.post(URL, json=_input(value), params=query)


def _classified(client: TestClient, picture: bytes | None, words: str | None = WORDS) -> Any:
    image = {} if picture is None else {"image": base64.b64encode(picture).decode()}
    text = {} if words is None else {"text": words}
    return client.post("/v1/classify", json=text | image).json()


def test_a_string_gets_the_score_that_classify_gives_it(client: TestClient) -> None:
    answer = _ask(client, _string()).json()
    assert answer["outputType"] == {"scalarType": "NUMBER"}
    assert answer["score"] == pytest.approx(_classified(client, None)["scores"]["hateful"])
    (decision_id,) = answer["memeguard"]["decision_ids"]
    assert client.get(f"/v1/decisions/{decision_id}").json()["route"] == URL


def test_the_score_of_another_task_can_be_asked_for(client: TestClient) -> None:
    offensive = _ask(client, _string(), task="offensive").json()["score"]
    assert offensive == pytest.approx(_classified(client, None)["scores"]["offensive"])
    refused = _ask(client, _string(), task="target")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_task")
    assert "hateful, offensive" in refused.json()["detail"]


def test_a_whole_item_is_judged_with_its_picture_and_all_of_its_strings(client: TestClient, host: TlsHost) -> None:
    more = [{"type": "STRING", "value": "on the first try"}, {"type": "IMAGE", "value": {"url": _url(host, "1")}}]
    item = _item(title=WORDS, photo={"url": _url(host, "0")}, more=more, likes=3)
    answer = _ask(client, item).json()
    beside = f"{WORDS}\non the first try"
    readings = [(seed, words) for seed in (0, 1) for words in (beside, None)]
    expected = [_classified(client, meme(seed), words)["scores"]["hateful"] for seed, words in readings]
    assert answer["score"] == pytest.approx(max(expected), abs=1e-5)
    assert len(answer["memeguard"]["decision_ids"]) == 4


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"more": ["one", "two"]}, "one\ntwo"),
        ({"captions": {"first": "one", "type": "two", "value": "three"}}, "one\ntwo\nthree"),
        ({"captions": {"first": {"type": "STRING", "value": "one"}, "last": None}}, "one"),
        ({"title": "one", "likes": 3, "more": []}, "one"),
    ],
)
def test_the_strings_of_lists_and_maps_are_judged(client: TestClient, data: dict[str, Any], words: str) -> None:
    answer = _ask(client, _item(**data)).json()
    assert answer["score"] == pytest.approx(_classified(client, None, words)["scores"]["hateful"])


@pytest.mark.parametrize(
    "data",
    [{"album": {"a": {"url": "0"}, "b": {"url": "1"}}}, {"media": [{"url": "0", "mediaType": "IMAGE"}, {"url": "1"}]}],
)
def test_the_pictures_of_lists_and_maps_are_judged(client: TestClient, host: TlsHost, data: dict[str, Any]) -> None:
    addressed = json.loads(
        json.dumps(data).replace('"0"', f'"{_url(host, "0")}"').replace('"1"', f'"{_url(host, "1")}"')
    )
    answer = _ask(client, _item(**addressed), signal="block").json()
    assert len(answer["memeguard"]["decision_ids"]) == 2


@pytest.mark.parametrize(
    ("data", "types"),
    [
        ({"film": {"url": "https://x"}, "sound": {"url": "https://x"}}, ["VIDEO", "AUDIO"]),
        ({"media": [{"url": "https://x", "mediaType": "VIDEO"}, {"mediaType": None}]}, ["MEDIA"]),
        ({"title": 3, "photo": {"uri": "https://x"}}, ["STRING", "IMAGE"]),
        ({"more": ["one", {"secret": 1}, ["two"]]}, ["STRING"]),
        ({"shape": "secret", "more": [{"type": "secret", "value": 3}]}, ["unknown"]),
    ],
)
def test_what_is_neither_words_nor_a_picture_is_told_and_means_review(
    client: TestClient, data: dict[str, Any], types: list[str]
) -> None:
    for item in (_item(**data), _item(captions={"a": WORDS}, **data)):
        answer = _ask(client, item, signal="review")
        errors = answer.json()["memeguard"]["errors"]
        assert (answer.json()["score"], answer.json()["memeguard"]["decision"]) == (True, "review")
        assert {error["code"] for error in errors} == {"unsupported_format"}
        assert [error["message"].split()[5] for error in errors] == types
        assert "secret" not in answer.text
        refused = _ask(client, item)
        assert (refused.status_code, refused.json()["code"]) == (422, "unsupported_format")


@pytest.mark.parametrize(
    ("policy", "review", "block"),
    [("allowing", False, False), ("reviewing", True, False), ("blocking", True, True)],
)
def test_a_decision_is_told_as_yes_or_no(client: TestClient, policy: str, review: bool, block: bool) -> None:
    told = {name: _ask(client, _string(), signal=name, policy=policy).json() for name in ("review", "block")}
    assert {name: answer["score"] for name, answer in told.items()} == {"review": review, "block": block}
    assert told["block"]["outputType"] == {"scalarType": "BOOLEAN"}


@pytest.mark.parametrize("name", ["bad", "nowhere"])
def test_what_was_not_judged_means_review_and_never_a_made_up_score(
    client: TestClient, host: TlsHost, name: str
) -> None:
    host.pages.setdefault("/nowhere.png", page(b"gone", 404))
    item = _item(title=WORDS, photo={"url": _url(host, name)})
    answer = _ask(client, item, signal="review").json()
    assert (answer["score"], answer["memeguard"]["decision"]) == (True, "review")
    assert len(answer["memeguard"]["errors"]) == 1
    assert _ask(client, item, signal="block").json()["score"] is False
    refused = _ask(client, item)
    assert refused.status_code == 422
    assert "not all of it was judged" in refused.json()["detail"]


def test_a_picture_without_words_is_judged_with_those_on_it(client: TestClient, host: TlsHost) -> None:
    answer = _ask(client, _image(host)).json()
    assert answer["score"] == pytest.approx(_classified(client, meme(0), READS)["scores"]["hateful"], abs=1e-5)
    assert (answer["memeguard"]["decision"], answer["memeguard"]["errors"]) == ("allow", [])


@pytest.mark.parametrize(("name", "code"), [("in_part", "text_partial"), ("unread", "text_failed")])
def test_a_picture_that_was_not_read_means_review_and_no_score_whatever_stands_beside_it(
    client: TestClient, host: TlsHost, name: str, code: str
) -> None:
    for value in (_image(host, name), _item(title=WORDS, photo={"url": _url(host, name)})):
        answer = _ask(client, value, signal="review").json()
        assert (answer["score"], answer["memeguard"]["decision"]) == (True, "review")
        assert [error["code"] for error in answer["memeguard"]["errors"]] == [code]
        refused = _ask(client, value)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert _ask(client, _image(host, name), signal="block", policy="blocking").json()["score"] is True


def test_words_of_which_the_end_was_not_judged_mean_review(client: TestClient) -> None:
    answer = _ask(client, _string("a b " * 2490), signal="review").json()
    assert [error["code"] for error in answer["memeguard"]["errors"]] == ["text_partial"]
    assert answer["score"] is True


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"type": "AUDIO", "value": {"url": "https://x"}}, "value"),
        ({"type": "STRING", "value": 3}, "value"),
        ({"type": "STRING", "value": " \u200b"}, "neither a picture nor a word"),
        ({"itemType": {"schema": []}, "data": {}}, "schema"),
        ({"itemType": {"schema": [{"name": "n", "type": "NUMBER"}]}, "data": {"n": 3}}, "neither a picture"),
    ],
)
def test_an_input_that_cannot_be_read_is_refused_by_its_place(
    client: TestClient, value: dict[str, Any], place: str
) -> None:
    answer = _ask(client, value)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert place in answer.json()["detail"]


def test_pictures_beside_words_count_twice_since_they_are_judged_twice(client: TestClient, host: TlsHost) -> None:
    pictures = {name: {"url": _url(host, "0")} for name in ("a", "b", "c")}
    assert len(_ask(client, _item(album=pictures)).json()["memeguard"]["decision_ids"]) == 3
    refused = _ask(client, _item(title=WORDS, album=pictures))
    assert (refused.status_code, refused.json()["detail"]) == (413, "6 memes in one request; the limit is 4")


def test_a_key_pays_for_each_time_that_a_picture_is_judged(host: TlsHost, scorer: Scorer, tmp_path: Path) -> None:
    key, entry = new_key("coop", ("classify",), None, "10/hour")
    change_keys(tmp_path / "keys.json", lambda _: KeyList(keys=(entry,)))
    with client_with_policies(scorer, tmp_path, keys_file=tmp_path / "keys.json") as client:
        item = _item(title=WORDS, photo={"url": _url(host, "0")})
        answer = client.post(URL, json=_input(item), headers={"X-API-Key": key}, params={"signal": "review"})
    assert '"memes";r=8' in answer.headers["ratelimit"]


def test_a_server_that_fetches_nothing_says_what_to_set(scorer: Scorer) -> None:
    with TestClient(create_app(lambda: AppState(Settings(ocr="none"), scorer))) as client:
        image = {"type": "IMAGE", "value": {"url": "https://example.org/a.png"}}
        detail = client.post(URL, json=_input(image)).json()["detail"]
    assert "MEMEGUARD_FETCH_HOSTS" in detail
