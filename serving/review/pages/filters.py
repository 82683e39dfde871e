"""Filters of the queues, as the query of an address has them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import get_args
from urllib.parse import urlencode

from serving.ledger.review_items import Source
from serving.review.queue import Filters, Order

#: Fields of the address. What is not understood of them is left out: an old address still opens a queue.
FIELDS = ("policy", "source", "bank", "age", "order", "decision", "band", "escalated")
_AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_SOURCES: dict[str, Source] = {one: one for one in get_args(Source) if one != "golden"}
_ORDERS: dict[str, Order] = {one: one for one in get_args(Order)}
_ORDERS_THAT_TELL: tuple[Order, ...] = ("uncertain", "highest")
_BANDS = 10


def filters_of(query: Mapping[str, str], *, tells_scores: bool) -> Filters:
    """What the query asks for; ``tells_scores`` False leaves out what would tell a score."""
    given = {name: value for name in FIELDS if (value := query.get(name, "").strip())}
    order, band, age = _ORDERS.get(given.get("order", ""), "oldest"), given.get("band", ""), given.get("age", "")
    return Filters(
        decision=given.get("decision") if tells_scores else None,
        policy=given.get("policy"),
        source=_SOURCES.get(given.get("source", "")),
        older_than=_AGES.get(age.removeprefix("over-")) if age.startswith("over-") else None,
        younger_than=_AGES.get(age),
        band=int(band) if tells_scores and band.isdecimal() and int(band) < _BANDS else None,
        bank=given.get("bank"),
        order=order if tells_scores or order not in _ORDERS_THAT_TELL else "oldest",
        escalated="escalated" in given,
    )


def query_of(query: Mapping[str, str]) -> str:
    """The filters among the fields of an address or a form, as an address carries them on: "" or "?policy=strict"."""
    given = {name: query[name][:200] for name in FIELDS if query.get(name, "").strip()}
    return f"?{urlencode(given)}" if given else ""
