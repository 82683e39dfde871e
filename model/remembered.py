"""Judgement with the votes of remembered memes: the network's, moved on the calibrated logits of its yes/no tasks."""

import math
from collections.abc import Sequence
from dataclasses import replace

from model.known.memory import Memory, MemoryVote
from model.verdict import Judgement, Score

#: A probability nearer to 0 or 1 has no logit in floats.
_NEAREST = 1e-12


def with_votes(judgement: Judgement, memory: Memory | None) -> Judgement:
    """What ``memory`` makes of a judgement; the same object where nothing that it remembers is like the meme.

    The scores move, and ``Judgement.memory`` says by how much. The explanation, and the scores of single views, stay
    the network's own. A judgement without ``features`` is left as it is.
    """
    return all_with_votes([judgement], memory)[0]


def all_with_votes(judgements: Sequence[Judgement], memory: Memory | None) -> list[Judgement]:
    """``with_votes`` of many at once."""
    asked = [at for at, one in enumerate(judgements) if one.features is not None]
    found = list(judgements)
    if memory is None or not len(memory):
        return found
    votes = memory.votes([features for one in judgements if (features := one.features) is not None])
    for at, vote in zip(asked, votes, strict=True):
        if vote is not None:
            found[at] = replace(found[at], scores=shifted_scores(found[at].scores, vote), memory=vote)
    return found


def shifted_scores(scores: dict[str, Score], vote: MemoryVote) -> dict[str, Score]:
    """Scores after a vote; those of tasks that it does not name are the same."""
    return {task: _shifted(score, vote.shifts.get(task, 0.0)) for task, score in scores.items()}


def unshifted_scores(scores: dict[str, Score], shifts: dict[str, float]) -> dict[str, Score]:
    """The network's own scores, from those that were told after these ``shifts``."""
    return {task: _shifted(score, -shifts.get(task, 0.0)) for task, score in scores.items()}


def _shifted(score: Score, shift: float) -> Score:
    if not shift or isinstance(score, dict):
        return score
    held = min(max(score, _NEAREST), 1 - _NEAREST)
    return 0.5 * (1 + math.tanh((math.log(held / (1 - held)) + shift) / 2))
