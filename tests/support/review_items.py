"""Decisions in a ledger with their items, and people who review them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from model.verdict import KnownMeme, PolicyRef
from serving.ledger.database import Database
from serving.ledger.entry import Entry, entry_of
from serving.ledger.queries import insert_entries
from serving.ledger.review_items import item_of
from serving.requests.classify_body import ClassifyInput
from serving.review.audit import Reviewer
from serving.review.queue import Filters, Rules, take_next
from support.ledgers import context, digest_of, ledger_settings, verdict_of

ANN, BEN, LEAD = Reviewer("ann", "key of ann"), Reviewer("ben"), Reviewer("lead", is_lead=True)
RULES = Rules()
HATEFUL, HARMLESS = {"hateful": "hateful"}, {"hateful": "not_hateful"}
_SETTINGS = ledger_settings("none", store_text=True, store_pictures=True)


def add_decisions(database: Database, *wanted: Mapping[str, Any] | int) -> list[str]:
    """Ids of new decisions, the oldest first; a number stands for so many ordinary ones.

    Of each: ``hours`` of age, ``score``, ``decision``, ``policy_name``, ``bank``, ``text``, ``picture``.
    """
    one_by_one = [one for some in wanted for one in ([{}] * some if isinstance(some, int) else [some])]
    ages = [timedelta(seconds=len(one_by_one) - number) for number in range(len(one_by_one))]
    entries = [_entry(dict(one), age) for one, age in zip(one_by_one, ages, strict=True)]
    with database.writing() as connection:
        insert_entries(connection, entries)
    return [entry.row["decision_id"] for entry in entries]


def _entry(given: dict[str, Any], age: timedelta) -> Entry:
    text, score = given.get("text", "some words"), given.get("score", 0.7)
    known = KnownMeme(given["bank"], "0" * 16, "same_meme", "review") if "bank" in given else None
    verdict = replace(
        verdict_of(text),
        decision=given.get("decision", "review"),
        scores={} if score is None else {"hateful": score},
        policy=PolicyRef(given.get("policy_name", "default"), "1", "p" * 64, ("hateful",)),
        known=() if known is None else (known,),
    )
    item = ClassifyInput(given.get("picture"), text)
    entry = entry_of(verdict, item, context(), digest_of(item), _SETTINGS)
    created_at = datetime.now(UTC) - (timedelta(hours=given["hours"]) if "hours" in given else age)
    row = entry.row | {"created_at": created_at}
    return replace(entry, row=row, item=item_of(verdict, row))


def doing(database: Database) -> Callable[..., Any]:
    """Calls a function with a connection, in a transaction of its own."""

    def do(work: Callable[..., Any], *arguments: Any) -> Any:
        with database.writing() as connection:
            return work(connection, *arguments)

    return do


def take(do: Callable[..., Any], who: Reviewer, rules: Rules = RULES, **filters: Any) -> str | None:
    """Take the next item; None where none waits."""
    taken: str | None = do(take_next, who, Filters(**filters), rules, lambda: 0.5)
    return taken
