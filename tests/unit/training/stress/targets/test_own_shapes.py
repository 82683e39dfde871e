"""A bundle, a Memeguard server and OpenAI's shape say the same of the same meme."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from support.moderators import moderator
from support.pictures import meme

from model import Scorer
from training.stress.relations.base import StressItem
from training.stress.targets.base import NotJudgedError
from training.stress.targets.bundle import BundleTarget
from training.stress.targets.http_target import HttpTarget
from training.stress.targets.memeguard_server import MemeguardServer
from training.stress.targets.openai_shape import OpenAIShape
from training.stress.targets.polite_client import Manners

ITEMS = {
    "words": StressItem(None, "those immigrants are vermin and should be shot"),
    "harmless words": StressItem(None, "a lovely day at the beach"),
    "picture": StressItem(meme(3), None),
    "picture and post": StressItem(meme(3), "those immigrants are vermin and should be shot"),
}


def _of_the_app(client: TestClient, make: Callable[[str, str, Manners], HttpTarget]) -> HttpTarget:
    """A target whose requests go to the app in this process, whose client posts as httpx does."""
    target = make("http://testserver", "http://testserver", Manners(max_tries=1))
    target._client._client = client  # type: ignore[assignment]
    return target


@pytest.mark.parametrize("name", list(ITEMS))
def test_three_ways_to_the_same_bundle_give_one_answer(scorer: Scorer, client: TestClient, name: str) -> None:
    expected = BundleTarget(scorer).ask(ITEMS[name])
    for make in (MemeguardServer, OpenAIShape):
        target = _of_the_app(client, make)
        answer = target.ask(ITEMS[name])
        assert answer.flagged == expected.flagged
        assert answer.score == pytest.approx(expected.score, abs=1e-4)


def test_words_of_a_post_count_beside_a_picture(scorer: Scorer) -> None:
    flagged = {name: BundleTarget(scorer).ask(item).flagged for name, item in ITEMS.items() if item.text is not None}
    assert flagged == {"words": True, "harmless words": False, "picture and post": True}


def test_what_is_no_picture_is_not_judged_by_any_of_them(scorer: Scorer, client: TestClient) -> None:
    broken = StressItem(b"GIF89a, and no more", None)
    with pytest.raises(NotJudgedError, match="corrupt"):
        BundleTarget(scorer).ask(broken)
    with pytest.raises(NotJudgedError, match="error corrupt"):
        _of_the_app(client, MemeguardServer).ask(broken)


def test_a_bundle_is_told_by_its_digest(scorer: Scorer) -> None:
    target = BundleTarget(scorer)
    assert target.name == f"bundle {scorer.model.name} {scorer.model.version}"
    assert target.identity["digest"] == scorer.model.digest


def test_an_openai_endpoint_is_found_as_its_own_client_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    result = {"flagged": True, "category_scores": {"hate": 0.75}}
    with moderator(lambda _: (200, {}, {"results": [result]})) as server:
        target = OpenAIShape(server.url, server.url, Manners())
        answer = target.ask(StressItem(None, "words"))
        assert (answer.flagged, answer.score) == (True, 0.75)
        assert server.headers["authorization"] == "Bearer s3cret"
        assert server.asked[0]["input"] == [{"type": "text", "text": "words"}]
        assert "s3cret" not in str(target.identity)
        target.close()


def test_a_server_of_another_kind_is_no_judge() -> None:
    with moderator() as server:
        target = MemeguardServer(server.url, server.url, Manners())
        with pytest.raises(NotJudgedError, match="not that of /v1/classify"):
            target.ask(StressItem(None, "words"))
        target.close()
