import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from support.ledgers import database_of
from support.review_items import ANN, BEN, LEAD, add_decisions, doing

from serving.ledger.database import Database
from serving.ledger.queries import Review, delete_decisions, find_decision, insert_review
from serving.ledger.tables import decisions, feedback, review_actions, review_golden, review_items
from serving.review import actions
from serving.review.appeals import appeal
from serving.review.audit import Reviewer
from serving.review.errors import NotHeldError, NothingToUndoError, ReviewError, UnknownItemError
from serving.review.golden import add_golden, golden_items, remove_golden
from serving.review.history import history_of, last_actions
from serving.review.queue import Filters, Rules, claim, n_escalated, queue_counts, release, take_next
from serving.review.shown import shown_item, shown_picture

T = TypeVar("T")
RULES = Rules()
HATEFUL, HARMLESS = {"hateful": "hateful"}, {"hateful": "not_hateful"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of either kind, which all tests here share."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('review')}/ledger.db"
    else:
        url = request.getfixturevalue("postgres").new_database()
    opened = database_of(url)
    yield opened
    opened.close()


@pytest.fixture
def database(ledger: Database) -> Iterator[Database]:
    """The same without a decision in it."""
    yield ledger
    with ledger.writing() as connection:
        connection.execute(decisions.delete())
        connection.execute(review_actions.delete())


@pytest.fixture
def do(database: Database) -> Callable[..., Any]:
    return doing(database)


def _take(do: Callable[..., Any], who: Reviewer, rules: Rules = RULES, **filters: Any) -> str | None:
    taken: str | None = do(take_next, who, Filters(**filters), rules, lambda: 0.5)
    return taken


def test_two_reviewers_at_once_never_get_the_same_item(database: Database) -> None:
    n_reviewers, n_items = 6, 40
    ids = add_decisions(database, n_items)
    do = doing(database)
    together = threading.Barrier(n_reviewers)

    def work(number: int) -> list[str]:
        me, mine = Reviewer(f"reviewer {number}"), []
        together.wait(timeout=30)
        while (taken := _take(do, me)) is not None:
            mine.append(taken)
            do(actions.label, taken, me, HATEFUL, None, RULES)
        return mine

    with ThreadPoolExecutor(n_reviewers) as pool:
        taken = [one for mine in pool.map(work, range(n_reviewers)) for one in mine]
    assert sorted(taken) == sorted(ids)


def test_an_item_is_given_to_one_reviewer_until_it_is_handed_back(database: Database, do: Callable[..., Any]) -> None:
    first, second = add_decisions(database, 2)
    assert (_take(do, ANN), _take(do, ANN), _take(do, BEN)) == (first, first, second)
    assert _take(do, LEAD) is None
    assert not do(claim, first, LEAD, RULES)
    assert do(release, ANN) == first
    assert _take(do, LEAD) == first
    with pytest.raises(NotHeldError, match="went back to the queue"):
        do(actions.label, first, ANN, HATEFUL, None, RULES)
    assert [one.kind for one in do(history_of, first).actions] == ["taken", "left", "taken"]


def test_an_item_that_is_held_too_long_goes_to_another(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    short = Rules(claim_for=timedelta(seconds=0.02))
    assert _take(do, ANN, short) == only
    time.sleep(0.03)
    assert _take(do, BEN) == only
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
    assert _take(do, ANN, **filters) == ids[wanted]


@pytest.mark.parametrize("filters", [{"policy": "none"}, {"bank": "none"}, {"band": 0}, {"source": "import"}])
def test_filters_that_nothing_fits_give_nothing(
    database: Database, do: Callable[..., Any], filters: dict[str, Any]
) -> None:
    add_decisions(database, 1)
    assert _take(do, ANN, **filters) is None


def test_counts_are_of_what_waits(database: Database, do: Callable[..., Any]) -> None:
    ids = add_decisions(database, {"hours": 2}, {"hours": 1}, {"hours": 1, "policy_name": "strict"})
    add_decisions(database, {"decision": "allow"})
    oldest = do(history_of, ids[0]).decision["created_at"]
    _take(do, ANN)
    counts = do(queue_counts)
    assert [(one.policy, one.waiting, one.claimed) for one in counts] == [("default", 2, 1), ("strict", 1, 0)]
    assert counts[0].oldest == oldest


def test_a_label_is_feedback_and_an_audit_row(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    _take(do, ANN)
    do(actions.label, only, ANN, HATEFUL, "a reason", RULES)
    told = do(history_of, only)
    (kept,) = told.decision["feedback"]
    assert (kept["labels"], kept["reason"], kept["reviewer"]) == (HATEFUL, "a reason", "ann")
    last = told.actions[-1]
    assert (last.kind, last.labels, last.reason, last.state) == ("labelled", HATEFUL, "a reason", "open")
    assert told.item["state"] == "decided"
    assert (_take(do, ANN), _take(do, BEN)) == (None, None)
    assert [one.kind for one in do(last_actions, 5, "ann")] == ["labelled", "taken"]


def test_feedback_over_http_takes_an_item_out_of_the_queue(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    do(insert_review, Review(only, dict(HATEFUL), None, "elsewhere", None))
    assert _take(do, ANN) is None


def test_undo_takes_back_the_last_action_and_then_the_one_before(database: Database, do: Callable[..., Any]) -> None:
    first, second = add_decisions(database, 2)
    for one in (first, second):
        assert _take(do, ANN) == one
        do(actions.label, one, ANN, HATEFUL, None, RULES)
    assert do(actions.undo, ANN, RULES) == second
    assert do(actions.undo, ANN, RULES) == first
    assert do(history_of, first).decision["feedback"] == []
    assert shown_held(do, first)
    assert _take(do, BEN) == second
    with pytest.raises(NothingToUndoError, match="nothing to undo"):
        do(actions.undo, ANN, RULES)
    do(actions.label, first, ANN, HARMLESS, None, RULES)
    assert [row["labels"] for row in do(find_decision, first)["feedback"]] == [HARMLESS]


def shown_held(do: Callable[..., Any], decision_id: str) -> bool:
    held: bool = do(shown_item, decision_id, ANN).is_held
    return held


def test_what_another_has_gone_on_with_cannot_be_undone(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    _take(do, ANN)
    do(actions.label, only, ANN, HATEFUL, None, Rules(second_share=1.0))
    assert _take(do, BEN) == only
    with pytest.raises(NothingToUndoError, match="another reviewer has gone on"):
        do(actions.undo, ANN, RULES)
    do(actions.label, only, BEN, HATEFUL, None, RULES)
    with pytest.raises(NothingToUndoError, match="another reviewer has gone on"):
        do(actions.undo, ANN, RULES)
    assert do(actions.undo, BEN, RULES) == only


def test_a_second_review_is_blind_and_by_another(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    twice = Rules(second_share=1.0)
    _take(do, ANN)
    do(actions.label, only, ANN, HATEFUL, "what ann thinks", twice)
    assert _take(do, ANN, twice) is None
    assert _take(do, BEN, twice) == only
    shown = do(shown_item, only, BEN)
    assert (shown.said, shown.remarks) == (None, ())
    assert "what ann thinks" not in repr(shown)
    do(actions.label, only, BEN, HATEFUL, None, twice)
    assert do(history_of, only).item["state"] == "decided"


def test_reviewers_who_disagree_leave_the_item_to_a_lead(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    twice = Rules(second_share=1.0)
    for who, labels in ((ANN, HATEFUL), (BEN, HARMLESS)):
        assert _take(do, who, twice) == only
        do(actions.label, only, who, labels, None, twice)
    assert do(n_escalated) == 1
    assert _take(do, Reviewer("cid"), twice, escalated=True) is None
    assert _take(do, LEAD, twice, escalated=True) == only
    assert [(one.reviewer, one.labels) for one in do(shown_item, only, LEAD).remarks] == [
        ("ann", HATEFUL),
        ("ben", HARMLESS),
    ]
    do(actions.label, only, LEAD, HARMLESS, None, twice)
    assert do(history_of, only).item["state"] == "decided"


def test_the_share_that_is_reviewed_twice_is_chosen_by_the_id() -> None:
    ids = [f"{number:032x}" for number in range(2000)]
    chosen = {one for one in ids if actions.is_second_reviewed(one, 0.1)}
    assert 150 < len(chosen) < 250
    assert chosen < {one for one in ids if actions.is_second_reviewed(one, 0.2)}
    assert not any(actions.is_second_reviewed(one, 0.0) for one in ids)
    assert all(actions.is_second_reviewed(one, 1.0) for one in ids)


def test_what_two_could_not_judge_goes_to_a_lead(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    for who in (ANN, BEN):
        assert do(n_escalated) == 0
        assert _take(do, who) == only
        do(actions.cannot_judge, only, who, "no words")
        assert _take(do, who) is None
    assert do(n_escalated) == 1
    assert do(find_decision, only)["feedback"] == []


def test_an_item_that_is_escalated_or_skipped_is_out_of_the_reviewers_way(
    database: Database, do: Callable[..., Any]
) -> None:
    first, second = add_decisions(database, 2)
    _take(do, ANN)
    do(actions.escalate, first, ANN, "legal should see it")
    assert _take(do, ANN) == second
    do(actions.skip, second, ANN)
    assert _take(do, ANN) is None
    assert _take(do, BEN) == second
    do(release, BEN)
    assert do(actions.undo, ANN, RULES) == second
    assert _take(do, ANN) == second


def test_golden_items_come_once_look_like_others_and_give_no_feedback(
    database: Database, do: Callable[..., Any]
) -> None:
    golden, other = add_decisions(database, 2)
    do(add_golden, golden, HATEFUL, LEAD, "clear")
    always = Rules(golden_share=1.0)
    for who, labels in ((ANN, HATEFUL), (BEN, HARMLESS)):
        assert _take(do, who, always) == golden
        assert "golden" not in repr(do(shown_item, golden, who))
        do(actions.label, golden, who, labels, None, always)
    assert _take(do, ANN, always) == other
    assert _take(do, BEN, RULES) is None
    assert do(find_decision, golden)["feedback"] == []
    assert [(one.decision_id, one.labels, one.added_by) for one in do(golden_items)] == [(golden, HATEFUL, "lead")]
    with pytest.raises(ReviewError, match="golden remove"):
        do(appeal, golden, LEAD, None)
    assert do(remove_golden, golden, LEAD)
    assert not do(remove_golden, golden, LEAD)
    assert do(history_of, golden).item["state"] == "decided"


def test_an_appeal_opens_any_decision_for_somebody_else(database: Database, do: Callable[..., Any]) -> None:
    reviewed, blocked = add_decisions(database, {}, {"decision": "block"})
    _take(do, ANN)
    do(actions.label, reviewed, ANN, HATEFUL, None, RULES)
    for one in (reviewed, blocked):
        do(appeal, one, LEAD, "the author writes that it is a quotation")
    assert _take(do, ANN, source="appeal") == blocked
    assert _take(do, BEN, source="appeal") == reviewed
    (remark,) = do(shown_item, reviewed, BEN).remarks
    assert (remark.kind, remark.reason) == ("appealed", "the author writes that it is a quotation")
    assert [one.kind for one in do(history_of, reviewed).actions] == ["taken", "labelled", "appealed", "taken"]
    with pytest.raises(UnknownItemError, match="no such item"):
        do(appeal, "0" * 32, LEAD, None)
    assert do(history_of, "0" * 32) is None


def test_a_lead_may_take_a_certain_item(database: Database, do: Callable[..., Any]) -> None:
    first, second = add_decisions(database, 2)
    assert _take(do, LEAD) == first
    assert do(claim, second, LEAD, RULES)
    assert _take(do, ANN) == first
    assert not do(claim, "0" * 32, LEAD, RULES)


def test_only_who_holds_an_item_or_has_spoken_of_it_sees_it(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, {"picture": b"picture"})
    for look in (shown_item, shown_picture):
        with pytest.raises(NotHeldError):
            do(look, only, ANN)
        with pytest.raises(UnknownItemError):
            do(look, "0" * 32, ANN)
    _take(do, ANN)
    shown = do(shown_item, only, ANN)
    assert (shown.is_held, shown.has_picture, shown.decision["decision_id"]) == (True, True, only)
    assert shown.held_until > datetime.now(UTC)
    assert do(shown_picture, only, ANN) == b"picture"
    with pytest.raises(NotHeldError):
        do(shown_picture, only, BEN)
    do(actions.label, only, ANN, HATEFUL, "why", RULES)
    shown = do(shown_item, only, ANN)
    assert (shown.is_held, shown.said.labels, shown.said.reason) == (False, HATEFUL, "why")


def test_earlier_decisions_on_the_same_picture_are_told_with_what_reviewers_said(
    database: Database, do: Callable[..., Any]
) -> None:
    before, other, now = add_decisions(
        database, {"picture": b"same", "text": "old", "hours": 5}, {"picture": b"other"}, {"picture": b"same"}
    )
    for one in (before, other):
        assert _take(do, ANN) == one
        do(actions.label, one, ANN, HATEFUL, None, RULES)
    assert _take(do, BEN) == now
    (earlier,) = do(shown_item, now, BEN).earlier
    assert (earlier.decision_id, earlier.labels, earlier.same_words) == (before, HATEFUL, False)


def test_what_was_done_in_review_is_deleted_with_the_decision(database: Database, do: Callable[..., Any]) -> None:
    gone, golden, kept = add_decisions(database, 3)
    _take(do, ANN)
    do(actions.label, gone, ANN, HATEFUL, None, RULES)
    do(add_golden, golden, HATEFUL, LEAD, None)
    assert _take(do, ANN) == kept
    with database.deleting() as connection:
        assert delete_decisions(connection, [gone, golden]) == 2
    for table in (review_items, review_actions, review_golden, feedback):
        left = set(do(lambda connection, table=table: connection.execute(sa.select(table.c.decision_id)).scalars()))
        assert left <= {kept}
    with pytest.raises(NothingToUndoError):
        do(actions.undo, ANN, RULES)
    do(actions.label, kept, ANN, HATEFUL, None, replace(RULES, second_share=1.0))
