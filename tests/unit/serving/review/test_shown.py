"""What of an item is shown, and to whom."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from support.review_items import ANN, BEN, HATEFUL, RULES, add_decisions, take

from serving.ledger.database import Database
from serving.review import actions
from serving.review.errors import NotHeldError, UnknownItemError
from serving.review.shown import shown_item, shown_picture


def test_only_who_holds_an_item_or_has_spoken_of_it_sees_it(database: Database, do: Callable[..., Any]) -> None:
    (only,) = add_decisions(database, {"picture": b"picture"})
    for look in (shown_item, shown_picture):
        with pytest.raises(NotHeldError):
            do(look, only, ANN)
        with pytest.raises(UnknownItemError):
            do(look, "0" * 32, ANN)
    take(do, ANN)
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
        assert take(do, ANN) == one
        do(actions.label, one, ANN, HATEFUL, None, RULES)
    assert take(do, BEN) == now
    (earlier,) = do(shown_item, now, BEN).earlier
    assert (earlier.decision_id, earlier.labels, earlier.same_words) == (before, HATEFUL, False)
