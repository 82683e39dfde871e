"""Memes that are to be remembered: a file or words with labels, or past decisions with those that reviewers gave."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from model import Meme, Scorer
from serving.known.memory.features import features_of, meme_of
from serving.known.memory.store import (
    NewMeme,
    RememberError,
    features_of_decision,
    kept_content,
    reviewed_labels,
)
from serving.ledger.queries import Label


@dataclass(frozen=True)
class Given:
    """What somebody wants remembered: a picture file, with its words or without, words alone, or decisions by id."""

    file: Path | None
    text: str | None
    decisions: tuple[str, ...]
    labels: Mapping[str, Label]
    weight: float = 1.0


@dataclass(frozen=True)
class Said:
    """What is noted with it. ``keep``: its words and its picture too."""

    owner: str | None = None
    note: str | None = None
    keep: bool = False


def new_memes(connection: sa.Connection, scorer: Scorer, given: Given, said: Said) -> list[NewMeme]:
    """The memes with their features. Raises ``RememberError`` and ``MemeError`` for what cannot be remembered."""
    if not given.decisions:
        return [_of_content(scorer, given, said)]
    return [_of_decision(connection, scorer, decision_id, given, said) for decision_id in given.decisions]


def _of_content(scorer: Scorer, given: Given, said: Said) -> NewMeme:
    if given.file is None:
        meme = Meme.from_text(given.text or "", limits=scorer.limits)
    else:
        meme = Meme.from_file(given.file, text=given.text, limits=scorer.limits)
    new = NewMeme(given.labels, features_of(meme, scorer), None, said.owner, said.note, given.weight)
    if not said.keep:
        return new
    picture = None if given.file is None else (meme.digest, given.file.read_bytes())
    return replace(new, text=meme.text, picture=picture)


def _of_decision(connection: sa.Connection, scorer: Scorer, decision_id: str, given: Given, said: Said) -> NewMeme:
    labels = reviewed_labels(connection, decision_id) | dict(given.labels)
    if not labels:
        raise RememberError(f"{decision_id}: no reviewer gave it a label; give one with --label")
    features = features_of_decision(connection, decision_id, scorer.model.digest)
    if features is None:
        content = kept_content(connection, decision_id)
        if content is None:
            raise RememberError(
                f"{decision_id}: the ledger kept neither features of this bundle nor the content; it keeps features "
                "with MEMEGUARD_LEDGER_STORE_FEATURES=true"
            )
        features = features_of(meme_of(content, scorer), scorer)
    return NewMeme(labels, features, decision_id, said.owner, said.note, given.weight)
