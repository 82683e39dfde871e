"""Judgement with the votes of remembered memes: the network's, moved on the calibrated logits of its yes/no tasks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from model.known.memory import Memory, MemoryVote
from model.verdict import Judgement, Score

#: A probability nearer to 0 or 1 has no logit in floats.
_NEAREST = 1e-12


def with_votes(judgement: Judgement, memory: Memory | None) -> Judgement:
    """What ``memory`` makes of a judgement; the same object where nothing that it remembers is like the meme.

    The scores move, those of single views with them, and ``Judgement.memory`` says by how much. The explanation stays
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
            found[at] = _moved(found[at], vote)
    return found


def _moved(judgement: Judgement, vote: MemoryVote) -> Judgement:
    """Policies may look at the views of a picture one by one, so each is moved alike."""
    picture = judgement.picture
    if picture is not None and picture.views:
        views = tuple(replace(view, scores=shifted_scores(view.scores, vote.shifts)) for view in picture.views)
        picture = replace(picture, views=views)
    scores = shifted_scores(judgement.scores, vote.shifts)
    return replace(judgement, scores=scores, picture=picture, memory=vote)


def shifted_scores(scores: Mapping[str, Score], shifts: Mapping[str, float]) -> dict[str, Score]:
    """Scores after shifts of their logits; those of tasks that are not named are the same."""
    return {task: _shifted(score, shifts.get(task, 0.0)) for task, score in scores.items()}


def _shifted(score: Score, shift: float) -> Score:
    if not shift or isinstance(score, dict):
        return score
    held = min(max(score, _NEAREST), 1 - _NEAREST)
    return 0.5 * (1 + math.tanh((math.log(held / (1 - held)) + shift) / 2))
