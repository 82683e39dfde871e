import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray
from starlette.testclient import TestClient
from support.pictures import meme
from support.postgres import Cluster
from support.tiny import TinyBundle

from model import Scorer, load
from model.known.features import MemeFeatures
from model.ocr.base import Engine
from model.ocr.types import Line, OcrWord
from model.projections import description
from model.projections.description import Projection, projection_path
from model.runtime import Runtime
from serving.app_state import AppState
from serving.http.app import create_app
from serving.index import ledger_search
from serving.index.ledger_search import LedgerQuery, search_ledger
from serving.ledger.tables import fingerprints
from serving.settings import Settings

N_MEMES = 8


def _settings(url: str, **values: Any) -> Settings:
    kept = {"ledger_store_fingerprints": True, "ledger_store_features": True}
    return Settings.model_validate({"ocr": "none", "ledger_url": url} | kept | values)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty ledger of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('search')}/ledger.db"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.new_database()


@pytest.fixture(scope="module")
def state(url: str, tiny: TinyBundle) -> AppState:
    return AppState(_settings(url), load(tiny.bundle.path, ocr="none", features=True))


@pytest.fixture(scope="module")
def served(state: AppState) -> Iterator[tuple[TestClient, list[str]]]:
    """A server that has judged some memes, and the ids of its decisions."""
    with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
        ids = [client.post("/v1/classify", json=_meme(number)).json()["decision_id"] for number in range(N_MEMES)]
        ids.append(client.post("/v1/classify", json={"text": "only words here"}).json()["decision_id"])
        yield client, ids


def _meme(number: int) -> dict[str, str]:
    return {"image": base64.b64encode(meme(number)).decode(), "text": f"words of number {number}", "id": f"m{number}"}


def _search(client: TestClient, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
    answer = client.post("/v1/search", json=body, params=query) if body else client.post("/v1/search", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_picture_finds_the_decision_about_it_first(served: tuple[TestClient, list[str]]) -> None:
    client, ids = served
    found = _search(client, {"image": _meme(3)["image"], "text": "others"}, top=3)
    assert found["by"] == "picture"
    assert len(found["found"]) == 3
    first = found["found"][0]
    assert (first["decision_id"], first["id"], first["pdq_distance"]) == (ids[3], "m3", 0)
    assert first["picture"] == pytest.approx(1, abs=2e-3)
    assert [one["picture"] for one in found["found"]] == sorted((o["picture"] for o in found["found"]), reverse=True)


def test_by_pdq_the_nearest_hash_is_first(served: tuple[TestClient, list[str]]) -> None:
    client, ids = served
    found = _search(client, {"image": _meme(5)["image"], "text": "others"}, by="pdq")["found"]
    assert found[0]["decision_id"] == ids[5]
    bits = [one["pdq_distance"] for one in found]
    assert bits == sorted(bits)
    assert len(found) == N_MEMES


def test_words_find_decisions_by_what_they_mean(served: tuple[TestClient, list[str]]) -> None:
    client, ids = served
    found = _search(client, {"text": "only words here"})
    assert found["by"] == "meaning"
    best = [one["decision_id"] for one in found["found"] if one["meaning"] > 0.998]
    assert ids[-1] in best


def test_a_decision_finds_others_and_not_itself(served: tuple[TestClient, list[str]]) -> None:
    client, ids = served
    found = _search(client, like=ids[2], top=100)["found"]
    assert {one["decision_id"] for one in found} == set(ids[:N_MEMES]) - {ids[2]}


def test_what_was_deleted_is_not_found(served: tuple[TestClient, list[str]]) -> None:
    client, _ = served
    gone = client.post("/v1/classify", json=_meme(77)).json()["decision_id"]
    assert gone in [one["decision_id"] for one in _search(client, _meme(77), top=100)["found"]]
    assert client.delete(f"/v1/decisions/{gone}").status_code == 204
    assert gone not in [one["decision_id"] for one in _search(client, _meme(77), top=100)["found"]]
    assert client.post("/v1/search", params={"like": gone}).status_code == 404


def test_pages_give_what_one_page_gives(served: tuple[TestClient, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = served
    whole = _search(client, _meme(1), top=5)
    monkeypatch.setattr(ledger_search, "_PAGE", 2)
    assert _search(client, _meme(1), top=5) == whole


@pytest.mark.parametrize(
    ("body", "query", "status", "code"),
    [
        ({"text": "a cat"}, {"by": "description"}, 422, "cannot_search"),
        ({"text": "a cat"}, {"by": "picture"}, 422, "cannot_search"),
        ({"text": "a cat"}, {"by": "pdq"}, 422, "cannot_search"),
        ({"items": [{"text": "a"}, {"text": "b"}]}, {}, 413, "too_many_items"),
        ({"image": "bm8gcGljdHVyZQ=="}, {}, 415, "unsupported_format"),
        (None, {"like": "nobody"}, 404, "unknown_decision"),
        (None, {"like": "' OR 1=1 --"}, 404, "unknown_decision"),
    ],
)
def test_what_cannot_be_searched_is_told(
    served: tuple[TestClient, list[str]], body: dict[str, Any] | None, query: dict[str, str], status: int, code: str
) -> None:
    client, _ = served
    answer = client.post("/v1/search", json=body, params=query) if body else client.post("/v1/search", params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("query", [{"top": 0}, {"top": 101}, {"by": "magic"}, {"like": "x" * 201}])
def test_what_is_out_of_bounds_is_refused(served: tuple[TestClient, list[str]], query: dict[str, Any]) -> None:
    assert served[0].post("/v1/search", json={"text": "words"}, params=query).status_code == 422


def test_features_of_another_bundle_are_not_compared_but_hashes_are(
    state: AppState, served: tuple[TestClient, list[str]]
) -> None:
    assert served
    assert state.ledger is not None
    database = state.ledger.database
    with database.reading() as connection:
        row = connection.execute(sa.select(fingerprints).where(fingerprints.c.image_embeds.is_not(None))).first()
    assert row is not None
    query = LedgerQuery(
        MemeFeatures(state.classifier.scorer.runtime.no_features(1).embeds[0] + 1, None), row.pdq, "f" * 64
    )
    assert search_ledger(database, query, "picture", 5) == []
    found = search_ledger(database, query, "pdq", 5)
    assert found[0].pdq_distance == 0
    assert {one.picture for one in found} == {None}


def test_with_a_projection_a_description_finds_pictures(
    served: tuple[TestClient, list[str]], tiny: TinyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "_PROJECTIONS", tmp_path)
    head, tower = tiny.bundle.manifest.head, tiny.bundle.manifest.image_tower
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(head.text_width or 0, tower.embed_width)).astype(np.float32)
    Projection(weights, np.zeros(tower.embed_width, np.float32)).write(projection_path(tiny.bundle))
    client, ids = served
    found = _search(client, {"text": "a cat on a chair"}, by="description")
    assert found["by"] == "description"
    assert {one["decision_id"] for one in found["found"]} == set(ids[:N_MEMES])
    values = [one["description"] for one in found["found"]]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 1
    assert _search(client, {"text": "a cat on a chair"})["by"] == "meaning"


class _CountingReader(Engine):
    """Reads the same word off any picture, and counts them."""

    name = "counting"
    version = "1"

    def __init__(self) -> None:
        self.n_read = 0

    def unavailable_reason(self) -> str | None:
        return None

    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        self.n_read += 1
        return [[OcrWord("word", (0, 0, 5, 5), 0.9)]]


def test_words_of_a_picture_are_read_only_where_they_are_looked_for(tiny: TinyBundle, tmp_path: Path) -> None:
    reader = _CountingReader()
    scorer = Scorer(tiny.bundle, Runtime(tiny.bundle, threads=1), reader, features=True)
    app = create_app(lambda: AppState(_settings(f"sqlite:///{tmp_path}/ledger.db"), scorer))
    picture = {"image": _meme(1)["image"]}
    with TestClient(app) as client:
        _search(client, picture)
        assert _search(client, picture, by="pdq")["by"] == "pdq"
        assert reader.n_read == 0
        assert _search(client, picture, by="meaning")["by"] == "meaning"
        assert reader.n_read > 0


def test_without_a_ledger_there_is_nothing_to_search(tiny: TinyBundle) -> None:
    settings = Settings.model_validate({"ocr": "none", "ledger_url": "none"})
    app = create_app(lambda: AppState(settings, load(tiny.bundle.path, ocr="none")))
    with TestClient(app) as client:
        answer = client.post("/v1/search", json={"text": "words"})
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_off")
