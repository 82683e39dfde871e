"""What reviewers and leads do with an item: label, undo, second reviews, escalation, golden items, appeals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support.review_items import ANN, BEN, HARMLESS, HATEFUL, LEAD, RULES, add_decisions, take

from serving.ledger.database import Database
from serving.ledger.queries import Review, delete_decisions, find_decision, insert_review
from serving.ledger.tables import feedback, review_actions, review_golden, review_items
from serving.review import actions
from serving.review.appeals import appeal
from serving.review.audit import Reviewer
from serving.review.errors import NothingToUndoError, ReviewError, UnknownItemError
from serving.review.golden import add_golden, golden_items, remove_golden
from serving.review.history import history_of, last_actions
from serving.review.queue import Rules, n_escalated, release
from serving.review.shown import shown_item


def test_a_label_is_feedback_and_an_audit_row(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    take(do, ANN)
    do(actions.label, only, ANN, HATEFUL, "a reason", RULES)
    told = do(history_of, only)
    (kept,) = told.decision["feedback"]
    assert (kept["labels"], kept["reason"], kept["reviewer"]) == (HATEFUL, "a reason", "ann")
    last = told.actions[-1]
    assert (last.kind, last.labels, last.reason, last.state) == ("labelled", HATEFUL, "a reason", "open")
    assert told.item["state"] == "decided"
    assert (take(do, ANN), take(do, BEN)) == (None, None)
    assert [one.kind for one in do(last_actions, 5, "ann")] == ["labelled", "taken"]


def test_feedback_over_http_takes_an_item_out_of_the_queue(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    do(insert_review, Review(only, dict(HATEFUL), None, "elsewhere", None))
    assert take(do, ANN) is None


def test_undo_takes_back_the_last_action_and_then_the_one_before(database: Database, do: Callable[..., Any]) -> None:
    first, second = add_decisions(database, 2)
    for one in (first, second):
        assert take(do, ANN) == one
        do(actions.label, one, ANN, HATEFUL, None, RULES)
    assert do(actions.undo, ANN, RULES) == second
    assert do(actions.undo, ANN, RULES) == first
    assert do(history_of, first).decision["feedback"] == []
    assert shown_held(do, first)
    assert take(do, BEN) == second
    with pytest.raises(NothingToUndoError, match="nothing to undo"):
        do(actions.undo, ANN, RULES)
    do(actions.label, first, ANN, HARMLESS, None, RULES)
    assert [row["labels"] for row in do(find_decision, first)["feedback"]] == [HARMLESS]


def shown_held(do: Callable[..., Any], decision_id: str) -> bool:
    held: bool = do(shown_item, decision_id, ANN).is_held
    return held


def test_what_another_has_gone_on_with_cannot_be_undone(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    take(do, ANN)
    do(actions.label, only, ANN, HATEFUL, None, Rules(second_share=1.0))
    assert take(do, BEN) == only
    with pytest.raises(NothingToUndoError, match="another reviewer has gone on"):
        do(actions.undo, ANN, RULES)
    do(actions.label, only, BEN, HATEFUL, None, RULES)
    with pytest.raises(NothingToUndoError, match="another reviewer has gone on"):
        do(actions.undo, ANN, RULES)
    assert do(actions.undo, BEN, RULES) == only


def test_a_second_review_is_blind_and_by_another(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    twice = Rules(second_share=1.0)
    take(do, ANN)
    do(actions.label, only, ANN, HATEFUL, "what ann thinks", twice)
    assert take(do, ANN, twice) is None
    assert take(do, BEN, twice) == only
    shown = do(shown_item, only, BEN)
    assert (shown.said, shown.remarks) == (None, ())
    assert "what ann thinks" not in repr(shown)
    do(actions.label, only, BEN, HATEFUL, None, twice)
    assert do(history_of, only).item["state"] == "decided"


def test_reviewers_who_disagree_leave_the_item_to_a_lead(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, 1)
    twice = Rules(second_share=1.0)
    for who, labels in ((ANN, HATEFUL), (BEN, HARMLESS)):
        assert take(do, who, twice) == only
        do(actions.label, only, who, labels, None, twice)
    assert do(n_escalated) == 1
    assert take(do, Reviewer("cid"), twice, escalated=True) is None
    assert take(do, LEAD, twice, escalated=True) == only
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
        assert take(do, who) == only
        do(actions.cannot_judge, only, who, "no words")
        assert take(do, who) is None
    assert do(n_escalated) == 1
    assert do(find_decision, only)["feedback"] == []


def test_an_item_that_is_escalated_or_skipped_is_out_of_the_reviewers_way(
    database: Database, do: Callable[..., Any]
) -> None:
    first, second = add_decisions(database, 2)
    take(do, ANN)
    do(actions.escalate, first, ANN, "legal should see it")
    assert take(do, ANN) == second
    do(actions.skip, second, ANN)
    assert take(do, ANN) is None
    assert take(do, BEN) == second
    do(release, BEN)
    assert do(actions.undo, ANN, RULES) == second
    assert take(do, ANN) == second


def test_golden_items_come_once_look_like_others_and_give_no_feedback(
    database: Database, do: Callable[..., Any]
) -> None:
    golden, other = add_decisions(database, 2)
    do(add_golden, golden, HATEFUL, LEAD, "clear")
    always = Rules(golden_share=1.0)
    for who, labels in ((ANN, HATEFUL), (BEN, HARMLESS)):
        assert take(do, who, always) == golden
        assert "golden" not in repr(do(shown_item, golden, who))
        do(actions.label, golden, who, labels, None, always)
    assert take(do, ANN, always) == other
    assert take(do, BEN, RULES) is None
    assert do(find_decision, golden)["feedback"] == []
    assert [(one.decision_id, one.labels, one.added_by) for one in do(golden_items)] == [(golden, HATEFUL, "lead")]
    with pytest.raises(ReviewError, match="golden remove"):
        do(appeal, golden, LEAD, None)
    assert do(remove_golden, golden, LEAD)
    assert not do(remove_golden, golden, LEAD)
    assert do(history_of, golden).item["state"] == "decided"


def test_an_appeal_opens_any_decision_for_somebody_else(database: Database, do: Callable[..., Any]) -> None:
    reviewed, blocked = add_decisions(database, {}, {"decision": "block"})
    take(do, ANN)
    do(actions.label, reviewed, ANN, HATEFUL, None, RULES)
    for one in (reviewed, blocked):
        do(appeal, one, LEAD, "the author writes that it is a quotation")
    assert take(do, ANN, source="appeal") == blocked
    assert take(do, BEN, source="appeal") == reviewed
    (remark,) = do(shown_item, reviewed, BEN).remarks
    assert (remark.kind, remark.reason) == ("appealed", "the author writes that it is a quotation")
    assert [one.kind for one in do(history_of, reviewed).actions] == ["taken", "labelled", "appealed", "taken"]
    with pytest.raises(UnknownItemError, match="no such item"):
        do(appeal, "0" * 32, LEAD, None)
    assert do(history_of, "0" * 32) is None


def test_what_was_done_in_review_is_deleted_with_the_decision(database: Database, do: Callable[..., Any]) -> None:
    gone, golden, kept = add_decisions(database, 3)
    take(do, ANN)
    do(actions.label, gone, ANN, HATEFUL, None, RULES)
    do(add_golden, golden, HATEFUL, LEAD, None)
    assert take(do, ANN) == kept
    with database.deleting() as connection:
        assert delete_decisions(connection, [gone, golden]) == 2
    for table in (review_items, review_actions, review_golden, feedback):
        left = set(do(lambda connection, table=table: connection.execute(sa.select(table.c.decision_id)).scalars()))
        assert left <= {kept}
    with pytest.raises(NothingToUndoError):
        do(actions.undo, ANN, RULES)
    do(actions.label, kept, ANN, HATEFUL, None, replace(RULES, second_share=1.0))
