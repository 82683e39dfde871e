"""Evidence as the pages show it: the words cut where they are marked, the heat map of the picture.

Marks are classes of ``static/evidence.css``, so that effects of one size look alike on every page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from model import Judgement, Meme, MemeError
from model.meme import MemeLimits
from model.taxonomy import TASKS
from model.verdict import Explanation, Verdict, WordEffect
from serving.explanation.evidence import marked_passages, view_of, view_title

#: Effects of a word on a score from 0 to 1 at and above which it is marked, the weakest mark first.
_WORD_LEVELS = (0.01, 0.05, 0.15)
#: Effects of a region on a score from 0 to 1 at and above which it is drawn, the faintest first.
_HEAT_LEVELS = (0.005, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Piece:
    """A stretch of the words. ``mark`` is None, or as in "raised-3" or "lowered-1": a class of the style sheet."""

    text: str
    mark: str | None = None
    effect: float = 0.0


@dataclass(frozen=True)
class Heat:
    """A region of the picture that raised or lowered the score; ``heat`` is a class as in "raised-3"."""

    x: int
    y: int
    width: int
    height: int
    heat: str
    effect: float


@dataclass(frozen=True)
class Evidence:
    """What raised the score of ``task``.

    ``view`` is the index of the view of the picture that decided, and ``view_title`` says which one it is where several
    were judged; the heat map is of that one. ``alone`` are its scores of the picture alone and of the words alone.
    ``has_regions``: regions were looked at. ``note`` says what is missing, and why.
    """

    task: str | None = None
    pieces: tuple[Piece, ...] = ()
    heat: tuple[Heat, ...] = ()
    width_px: int = 0
    height_px: int = 0
    alone: tuple[tuple[str, float], ...] = ()
    has_regions: bool = False
    view: int = 0
    view_title: str | None = None
    note: str | None = None

    @property
    def marks_something(self) -> bool:
        """Whether a word or a region moved the score by as much as is marked."""
        return bool(self.heat) or any(piece.mark for piece in self.pieces)


def pieces(text: str, words: Sequence[WordEffect], task: str) -> tuple[Piece, ...]:
    """The whole text in order; ``words`` are those of an explanation, of which the effects on ``task`` count."""
    effects = {(word.start, word.end): word.effects.get(task, 0.0) for word in words}
    marks = {span: effect for span, effect in effects.items() if abs(effect) >= _WORD_LEVELS[0]}
    return tuple(
        Piece(part) if effect is None else Piece(part, _mark(effect, _WORD_LEVELS), effect)
        for part, effect in marked_passages(text, marks)
    )


def leading_task(tasks: Sequence[str]) -> str | None:
    """The task that evidence is of: the first yes/no task."""
    return next((name for name, task in TASKS.items() if task.kind == "binary" and name in tasks), None)


def shown_evidence(judgement: Judgement | Verdict, note: str | None = None) -> Evidence:
    """Of what was judged with an explanation."""
    explanation, task = judgement.explanation, leading_task(list(judgement.scores))
    if explanation is None or task is None:
        return Evidence(note="This model has no question that can be explained.")
    picture, view = judgement.picture, view_of(task, explanation, judgement.picture)
    return Evidence(
        task=task,
        pieces=pieces(judgement.text.content, explanation.words, task),
        heat=_heat(explanation, task, view),
        width_px=picture.width_px if picture else 0,
        height_px=picture.height_px if picture else 0,
        alone=_alone(explanation, task),
        has_regions=bool(explanation.regions),
        view=view,
        view_title=view_title(picture, view),
        note=note or explanation.detail,
    )


def shown_view(picture: bytes, view: int, limits: MemeLimits) -> Image.Image | None:
    """That view of a picture file; None where it is not there, or cannot be decoded as far as that."""
    try:
        shown = Meme.from_bytes(picture, limits=limits).shown
    except MemeError:
        return None
    return shown[view].image if 0 <= view < len(shown) else None


def _heat(explanation: Explanation, task: str, view: int) -> tuple[Heat, ...]:
    """The regions of ``view`` that moved the score."""
    found = []
    for region in explanation.regions:
        effect = region.effects.get(task, 0.0)
        if abs(effect) >= _HEAT_LEVELS[0] and region.view == view:
            left, top, right, bottom = region.box
            found.append(Heat(left, top, right - left, bottom - top, _mark(effect, _HEAT_LEVELS), effect))
    return tuple(found)


def _mark(effect: float, levels: Sequence[float]) -> str:
    """The class of the style sheet for an effect of the first level or more."""
    level = sum(abs(effect) >= lower for lower in levels)
    return f"{'raised' if effect > 0 else 'lowered'}-{level}"


def _alone(explanation: Explanation, task: str) -> tuple[tuple[str, float], ...]:
    both = (("picture alone", explanation.image_alone), ("words alone", explanation.text_alone))
    return tuple(
        (what, score) for what, scores in both if scores is not None and isinstance(score := scores.get(task), float)
    )
