"""Memes that are remembered in a ledger, and how they vote."""

from typing import Any

from model import Meme, Scorer
from model.known.memory import Memory
from serving.known.memory.features import features_of
from serving.known.memory.store import NewMeme, add_meme
from serving.ledger.database import Database
from serving.ledger.queries import Label
from support.picture_files import encoded
from support.preparation import picture

WITHIN_S = 2.0
HATEFUL: dict[str, Label] = {"hateful": "hateful"}
WORDS = "telltale words of a meme"


def content(seed: int = 1) -> bytes:
    return encoded(picture(seed))


def meme(seed: int = 1, text: str = WORDS) -> Meme:
    return Meme.from_bytes(content(seed), text=text)


def remember(database: Database, scorer: Scorer, one: Meme, digest: str | None = None, **said: Any) -> str:
    with database.writing() as connection:
        new = NewMeme(said.pop("labels", HATEFUL), features_of(one, scorer), **said)
        return add_meme(connection, new, digest or scorer.model.digest)


def shift(found: Memory | None, one: Meme, scorer: Scorer) -> float:
    votes = [None] if found is None else found.votes([features_of(one, scorer)])
    return sum(vote.shifts["hateful"] for vote in votes if vote is not None)
