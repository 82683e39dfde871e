"""Trial of a memory before it counts: which past decisions would be others, and how well it ranks labelled memes.

The ledger keeps the scores that were told and what the towers saw. A score's logit is taken from the score, and moved
by the difference of the votes with and without the new memes; what was remembered when it was told is in it already.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from model import Meme, Policy, Scorer
from model.judge import ScoringError
from model.known.memory import Memory, MemoryVote
from model.meme import has_words
from model.modality import Modality, modality_of
from model.policy.decide import grounds
from model.policy.scored_views import scored_views
from model.remembered import all_with_votes, shifted_scores
from model.verdict import Decision, Score, strictest
from serving.known.memory.store import binary_labels, features_of_row
from serving.ledger.database import Database
from serving.ledger.queries import Label
from serving.ledger.tables import decisions, fingerprints

_PAGE = 1000
#: Digest of the words of a meme that has none.
_NO_WORDS = hashlib.sha256(b"").hexdigest()
#: Memes that go through the network together.
_CHUNK = 8


@dataclass(frozen=True)
class Trial:
    """The memory in force, and the one that is tried; None: nothing is remembered."""

    before: Memory | None
    after: Memory | None


@dataclass(frozen=True)
class Flip:
    """A past decision whose scores ask for another one: by policy, ``old`` with the scores of then, ``new`` now."""

    decision_id: str
    caller_id: str | None
    created_at: datetime
    old: Decision
    new: Decision
    scores: dict[str, tuple[float, float]]
    """By yes/no task that moved, the score before and after."""


@dataclass
class FlipCounts:
    """How many decisions were looked at, and how many have no features of this bundle."""

    decisions: int = 0
    without_features: int = 0
    moved: int = 0


def past_flips(
    database: Database,
    trial: Trial,
    policy: Policy,
    model_digest: str,
    counts: FlipCounts,
    since: datetime | None = None,
) -> Iterator[Flip]:
    """Decisions that ``policy`` would make otherwise, in the order of their ids; ``counts`` goes along."""
    after = ""
    while True:
        with database.reading() as connection:
            rows = connection.execute(_page(after, model_digest, since)).mappings().all()
        yield from _flips(rows, trial, policy, counts)
        if len(rows) < _PAGE:
            return
        after = rows[-1]["decision_id"]


def _page(after: str, model_digest: str, since: datetime | None) -> sa.Select[Any]:
    of_bundle = sa.and_(
        fingerprints.c.decision_id == decisions.c.decision_id, fingerprints.c.model_digest == model_digest
    )
    asked = (
        sa.select(decisions, fingerprints.c.image_embeds, fingerprints.c.text_embeds)
        .outerjoin(fingerprints, of_bundle)
        .where(decisions.c.decision_id > after)
        .order_by(decisions.c.decision_id)
        .limit(_PAGE)
    )
    return asked if since is None else asked.where(decisions.c.created_at >= since)


def _flips(rows: Sequence[sa.RowMapping], trial: Trial, policy: Policy, counts: FlipCounts) -> Iterator[Flip]:
    counts.decisions += len(rows)
    known = [(row, found) for row in rows if (found := features_of_row(row)) is not None]
    counts.without_features += len(rows) - len(known)
    features = [found for _, found in known]
    before, after = (
        [None] * len(features) if memory is None else memory.votes(features) for memory in (trial.before, trial.after)
    )
    for (row, _), old_vote, new_vote in zip(known, before, after, strict=True):
        moves = _moves(old_vote, new_vote)
        if moves:
            counts.moved += 1
            flip = _flip(row, moves, policy)
            if flip is not None:
                yield flip


def _moves(before: MemoryVote | None, after: MemoryVote | None) -> dict[str, float]:
    old, new = ({} if vote is None else vote.shifts for vote in (before, after))
    moves = {task: new.get(task, 0.0) - old.get(task, 0.0) for task in old | new}
    return {task: move for task, move in moves.items() if move}


def _flip(row: sa.RowMapping, moves: dict[str, float], policy: Policy) -> Flip | None:
    scores: dict[str, Score] = row["scores"]
    moved = shifted_scores(scores, moves)
    old, new = _decision(row, scores, policy), _decision(row, moved, policy)
    if old == new:
        return None
    told = {
        task: (one, other)
        for task, one in scores.items()
        if isinstance(one, float) and isinstance(other := moved[task], float) and one != other
    }
    return Flip(row["decision_id"], row["caller_id"], row["created_at"], old, new, told)


def _decision(row: sa.RowMapping, scores: dict[str, Score], policy: Policy) -> Decision:
    """As far as what was kept tells: word lists are looked through where the words were kept, and banks are not."""
    words = row["text"]
    matches = policy.words.find(words) if words else ()
    views = scored_views(scores, _modality(row), None)
    return strictest(found.decision for found in grounds(views, row["text_status"], matches, policy))


def _modality(row: sa.RowMapping) -> Modality:
    """By whether there were words."""
    words = row["text"]
    worded = row["text_digest"] != _NO_WORDS if words is None else has_words(words)
    return modality_of(pictured=row["kind"] == "picture", worded=worded)


@dataclass(frozen=True)
class Measured:
    """How well a task's labelled memes are ranked without the new memes and with them; None: one class alone."""

    task: str
    n: int
    n_positive: int
    auroc_before: float | None
    auroc_after: float | None


def measured(scorer: Scorer, labelled: Iterable[tuple[Meme, dict[str, Label]]], trial: Trial) -> list[Measured]:
    """Of each binary task that has labels. Memes without a finite score are left out."""
    found: list[_Judged] = []
    remaining = iter(labelled)
    while part := list(islice(remaining, _CHUNK)):
        found += _judged(scorer, part, trial)
    tasks = [task.name for task in scorer.bundle.tasks if any(task.name in labels for labels, _, _ in found)]
    return [_measured(task, [one for one in found if task in one[0]]) for task in tasks]


#: Labels, and the scores before and after.
_Judged = tuple[dict[str, bool], dict[str, Score], dict[str, Score]]


def _judged(scorer: Scorer, part: Sequence[tuple[Meme, dict[str, Label]]], trial: Trial) -> list[_Judged]:
    judged = scorer.judge([scorer.read(meme) for meme, _ in part])
    pairs = zip(judged, part, strict=True)
    whole = [(one, binary_labels(labels)) for one, (_, labels) in pairs if not isinstance(one, ScoringError)]
    before, after = (all_with_votes([one for one, _ in whole], memory) for memory in (trial.before, trial.after))
    return [(labels, old.scores, new.scores) for (_, labels), old, new in zip(whole, before, after, strict=True)]


def _measured(task: str, found: Sequence[_Judged]) -> Measured:
    labels = np.array([one[task] for one, _, _ in found])
    before, after = (np.array([one[at][task] for one in found], dtype=np.float64) for at in (1, 2))
    return Measured(task, len(labels), int(labels.sum()), auroc(labels, before), auroc(labels, after))


def auroc(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Share of the pairs of a positive and a negative that are in order, a tie counting half; None without a pair."""
    positive, negative = scores[labels], scores[~labels]
    if not len(positive) or not len(negative):
        return None
    order = np.sort(negative)
    below, up_to = (np.searchsorted(order, positive, side=side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(negative)))
