"""Ledgers with decisions of several days, of which one is unlike the others."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from model.verdict import Decision, KnownMeme, ModelRef, Score, TextEvidence, Verdict
from serving.ledger.entry import entry_of
from serving.ledger.tables import decisions
from serving.requests.classify_body import ClassifyInput
from support.ledgers import context, database_of, ledger_settings, verdict_of

FIRST_DAY = datetime(2026, 11, 1, tzinfo=UTC)
_LATIN = ("a few words on a picture", "when the dog sees you", "me", "nobody knows why")
CYRILLIC = (
    "\u043a\u043e\u0433\u0434\u0430 \u043f\u0451\u0441",
    "\u043d\u0438\u043a\u0442\u043e \u043d\u0435 \u0437\u043d\u0430\u0435\u0442",
)


def decided(
    seed: int,
    *,
    high: bool = False,
    texts: Sequence[str] = _LATIN,
    known: bool = False,
    model: str = "1.0",
) -> Verdict:
    """A verdict with a score about .2, or about .7, of words that were read from a picture."""
    chance = random.Random(seed)
    score = min(max(chance.gauss(0.7 if high else 0.2, 0.1), 0.0), 1.0)
    decision: Decision = "block" if score > 0.6 else "review" if score > 0.35 else "allow"
    scores: dict[str, Score] = {"hateful": score, "memotion_sentiment": {"negative": score, "positive": 1 - score}}
    read = TextEvidence(chance.choice(texts), "ocr", "ok", "rapidocr", "3", confidence=chance.uniform(0.8, 1.0))
    banked = (KnownMeme("removed", "e", "same_meme", "review"),) if known else ()
    return replace(
        verdict_of(),
        decision=decision,
        scores=scores,
        text=read,
        known=banked,
        model=ModelRef("tiny", model, model.ljust(64, "m")),
    )


def fill_day(url: str, day: int, verdicts: Sequence[Verdict], **changed: Any) -> None:
    """Keep them in the ledger as decisions of that day."""
    step = timedelta(days=1) / max(len(verdicts), 1)
    rows = [
        entry_of(verdict, ClassifyInput(b"picture"), context(), f"{index:064d}", ledger_settings(url)).row
        | {"decision_id": f"{day}-{index}", "created_at": FIRST_DAY + timedelta(days=day) + step * index}
        | changed
        for index, verdict in enumerate(verdicts)
    ]
    database = database_of(url)
    with database.writing() as connection:
        connection.execute(decisions.insert(), rows)
    database.close()
