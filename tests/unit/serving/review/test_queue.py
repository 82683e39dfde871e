"""The queue: each item is given to one reviewer at a time, in the order and by the filters that were asked for."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from support.review_items import ANN, BEN, HATEFUL, LEAD, RULES, add_decisions, doing, take

from serving.ledger.database import Database
from serving.review import actions
from serving.review.audit import Reviewer
from serving.review.errors import NotHeldError
from serving.review.history import history_of
from serving.review.queue import Rules, claim, queue_counts, release


def test_two_reviewers_at_once_never_get_the_same_item(database: Database) -> None:
    n_reviewers, n_items = 6, 40
    ids = add_decisions(database, n_items)
    do = doing(database)
    together = threading.Barrier(n_reviewers)

    def work(number: int) -> list[str]:
        me, mine = Reviewer(f"reviewer {number}"), []
        together.wait(timeout=30)
        while (taken := take(do, me)) is not None:
            mine.append(taken)
            do(actions.label, taken, me, HATEFUL, None, RULES)
        return mine

    with ThreadPoolExecutor(n_reviewers) as pool:
        taken = [one for mine in pool.map(work, range(n_reviewers)) for one in mine]
    assert sorted(taken) == sorted(ids)


def test_an_item_is_given_to_one_reviewer_until_it_is_handed_back(database: Database, do: Callable[..., Any]) -> None:
    first, second = add_decisions(database, 2)
    assert (take(do, ANN), take(do, ANN), take(do, BEN)) == (first, first, second)
    assert take(do, LEAD) is None
    assert not do(claim, first, LEAD, RULES)
    assert do(release, ANN) == first
    assert take(do, LEAD) == first
    with pytest.raises(NotHeldError, match="went back to the queue"):
        do(actions.label, first, ANN, HATEFUL, None, RULES)
    assert [one.kind for one in do(history_of, first).actions] == ["taken", "left", "taken"]


def test_an_item_that_is_held_too_long_goes_to_another(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    short = Rules(claim_for=timedelta(seconds=0.02))
    assert take(do, ANN, short) == only
    time.sleep(0.03)
    assert take(do, BEN) == only
    with pytest.raises(NotHeldError):
        do(actions.escalate, only, ANN, None)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, 0),
        ({"order": "newest"}, 4),
        ({"order": "highest"}, 2),
        ({"order": "uncertain"}, 3),
        ({"policy": "strict"}, 1),
        ({"policy": "strict", "order": "highest"}, 1),
        ({"bank": "*"}, 4),
        ({"bank": "jokes"}, 4),
        ({"band": 5}, 3),
        ({"younger_than": timedelta(hours=3)}, 3),
        ({"older_than": timedelta(hours=4), "order": "newest"}, 1),
        ({"decision": "review"}, 0),
    ],
)
def test_filters_choose_among_the_items(
    database: Database, do: Callable[..., Any], filters: dict[str, Any], wanted: int
) -> None:
    ids = add_decisions(
        database,
        {"hours": 5.5, "score": 0.7},
        {"hours": 4.5, "score": 0.7, "policy_name": "strict"},
        {"hours": 3.5, "score": 1.0},
        {"hours": 2.5, "score": 0.51},
        {"hours": 1.5, "score": None, "bank": "jokes"},
    )
    assert take(do, ANN, **filters) == ids[wanted]


@pytest.mark.parametrize("filters", [{"policy": "none"}, {"bank": "none"}, {"band": 0}, {"source": "import"}])
def test_filters_that_nothing_fits_give_nothing(
    database: Database, do: Callable[..., Any], filters: dict[str, Any]
) -> None:
    add_decisions(database, 1)
    assert take(do, ANN, **filters) is None


def test_counts_are_of_what_waits(database: Database, do: Callable[..., Any]) -> None:
    ids = add_decisions(database, {"hours": 2}, {"hours": 1}, {"hours": 1, "policy_name": "strict"})
    add_decisions(database, {"decision": "allow"})
    oldest = do(history_of, ids[0]).decision["created_at"]
    take(do, ANN)
    counts = do(queue_counts)
    assert [(one.policy, one.waiting, one.claimed) for one in counts] == [("default", 2, 1), ("strict", 1, 0)]
    assert counts[0].oldest == oldest


def test_a_lead_may_take_a_certain_item(database: Database, do: Callable[..., Any]) -> None:
    first, second = add_decisions(database, 2)
    assert take(do, LEAD) == first
    assert do(claim, second, LEAD, RULES)
    assert take(do, ANN) == first
    assert not do(claim, "0" * 32, LEAD, RULES)
