"""What a policy holds against its thresholds: the scores of a meme, apart for what was judged with and without words.

The frames of an animation differ in that, and each is held to the thresholds of its own modality: a frame without words
can reach its threshold while one with words has the higher score.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from model.meme import has_words
from model.modality import Modality, modality_of
from model.taxonomy import Task
from model.verdict import Score

#: Before the names of categories of one's own, as a task stands before its classes.
CATEGORIES = "categories"


@dataclass(frozen=True)
class ScoredView:
    """Scores by task of a meme, or of one view of its picture, with what was shown."""

    modality: Modality
    scores: Mapping[str, Score]


class _View(Protocol):
    """As ``ViewEvidence``: the words that were judged with a view of the picture, and its scores."""

    @property
    def text(self) -> str: ...

    @property
    def scores(self) -> Mapping[str, Score]: ...


class _Picture(Protocol):
    """As ``PictureEvidence``."""

    @property
    def views(self) -> Sequence[_View]: ...


def scored_views(
    scores: Mapping[str, Score],
    judged_as: Modality,
    picture: _Picture | None,
    categories: Mapping[str, float] | None = None,
) -> list[ScoredView]:
    """The meme as a whole, or each view of its picture where some have words and some have none.

    Scores of ``categories`` are of the meme as a whole.
    """
    views = picture.views if picture else ()
    found = [ScoredView(modality_of(pictured=True, worded=has_words(view.text)), view.scores) for view in views]
    differ = len({view.modality for view in found}) > 1
    of_meme = [ScoredView(judged_as, {CATEGORIES: dict(categories)})] if categories else []
    return [*(found if differ else [ScoredView(judged_as, scores)]), *of_meme]


def highest_named(views: Sequence[ScoredView], name: str) -> float | None:
    """The highest probability of what ``name`` stands for, as in ``score_names``; None where nothing has that score."""
    found = (_score_named(view.scores, name) for view in views)
    return max((score for score in found if score is not None), default=None)


def score_names(tasks: Iterable[Task]) -> list[str]:
    """What thresholds and severities can be given for: a yes/no task, or a class of another as ``task.class``.

    Not for the class that says that no other holds: the surer it is, the less there is to be done.
    """
    names = []
    for task in tasks:
        classes = [f"{task.name}.{label}" for label in task.classes if label != task.empty_class]
        names += [task.name] if task.kind == "binary" else classes
    return names


def _score_named(scores: Mapping[str, Score], name: str) -> float | None:
    task, _, label = name.partition(".")
    found = scores.get(task)
    if isinstance(found, float):
        return None if label else found
    return None if found is None else found.get(label)
