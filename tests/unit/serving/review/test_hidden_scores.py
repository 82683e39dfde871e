"""What is told while scores are hidden until the first decision, and golden items among the others."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.reviewed_app import Reviewed, reviewing
from support.tiny import TinyBundle


@pytest.fixture(scope="module")
def hiding(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    """Scores are hidden until the first decision; half of what is given is golden, where there is any."""
    with reviewing(tiny, tmp_path_factory.mktemp("hiding"), review_hide_scores=True, review_golden_share=0.5) as found:
        yield found


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
