"""Evidence of a verdict as a page shows it: for each yes/no task the scores, the heat map and the marked words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from model import Policy, Verdict
from model.bundle import Thresholds
from model.ocr.types import Box, OcrWord
from model.parts.windows import Span
from model.verdict import Explanation, PictureEvidence, RegionEffect, Score

#: Of the strongest effect; what is weaker gets no number on the picture.
_NUMBERED_SHARE = 0.5
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Mark:
    """Something that moved a score: its ``share``, from 0 to 1, is of the strongest effect of its kind."""

    effect: float
    share: float

    @property
    def way(self) -> str:
        """Which way it moved the score."""
        return "up" if self.effect > 0 else "down"

    @property
    def signed(self) -> str:
        """The effect as people read it."""
        return f"{self.effect:+.3f}".replace("-", "\u2212")


@dataclass(frozen=True)
class Cell:
    """A region of the picture, or a word that was read in it, with what it did; None: nothing is known of it."""

    box: Box
    mark: Mark | None
    row: int = 0
    column: int = 0

    @property
    def is_numbered(self) -> bool:
        """Whether its effect is written on the picture."""
        return self.mark is not None and self.mark.share >= _NUMBERED_SHARE


@dataclass(frozen=True)
class Passage:
    """A piece of the words, marked where it is a word whose effect is told."""

    text: str
    mark: Mark | None


@dataclass(frozen=True)
class Together:
    """A word and a region, by its row and column from 1, with what both did beyond what each did alone.

    ``only_together``: neither did much by itself.
    """

    word: str
    row: int
    column: int
    mark: Mark
    only_together: bool


@dataclass(frozen=True)
class TaskEvidence:
    """All that is shown of one yes/no task, on the ``view`` of the picture that decided it.

    ``scores`` are those of the meme and of each modality alone.
    """

    task: str
    view: int
    scores: tuple[tuple[str, float], ...]
    thresholds: Thresholds | None
    regions: tuple[Cell, ...]
    words: tuple[Cell, ...]
    passages: tuple[Passage, ...]
    pairs: tuple[Together, ...]

    @property
    def rows(self) -> Sequence[Sequence[Cell]]:
        """The regions row by row."""
        found: dict[int, list[Cell]] = {}
        for cell in self.regions:
            found.setdefault(cell.row, []).append(cell)
        return list(found.values())


def marked_passages(text: str, marks: Mapping[Span, _Value]) -> Iterator[tuple[str, _Value | None]]:
    """The whole text in order, cut where marks begin and end; one that begins in another or ends behind is left out."""
    at = 0
    for (start, end), mark in sorted(marks.items(), key=lambda one: one[0]):
        if start < at or end > len(text):
            continue
        if start > at:
            yield text[at:start], None
        yield text[start:end], mark
        at = end
    if at < len(text):
        yield text[at:], None


def view_of(task: str, explanation: Explanation, picture: PictureEvidence | None) -> int:
    """Index of the view of ``picture`` on which evidence of ``task`` is shown: the one that decided it."""
    found = explanation.view_of(task)
    if found is None:
        return 0 if picture is None else picture.strictest
    return found


def view_title(picture: PictureEvidence | None, view: int) -> str | None:
    """Which view of a picture it is, as in "frame 2 of 3"; None where one alone was judged."""
    if picture is None or not picture.views:
        return None
    shown = picture.views[view]
    frame = None if shown.frame is None else f"frame {shown.frame + 1} of {picture.n_frames}"
    ground = None if shown.ground is None else f"on a {shown.ground} ground"
    return ", ".join(part for part in (frame, ground) if part) or None


def evidence_of(verdict: Verdict, explanation: Explanation, policy: Policy) -> list[TaskEvidence]:
    """Of each yes/no task of ``verdict``, on the view of its picture that decided it."""
    return [
        _of_task(task, score, verdict, explanation, policy, view_of(task, explanation, verdict.picture))
        for task, score in verdict.scores.items()
        if isinstance(score, float)
    ]


def _of_task(
    task: str, score: float, verdict: Verdict, explanation: Explanation, policy: Policy, view: int
) -> TaskEvidence:
    content = verdict.text.content
    told = {(word.start, word.end): word.effects[task] for word in explanation.words if task in word.effects}
    words = _marks(told)
    regions = [region for region in explanation.regions if region.view == view and task in region.effects]
    marks = _marks({region.box: region.effects[task] for region in regions})
    places = _places(regions)
    pairs = [pair for pair in explanation.pairs if pair.view == view and task in pair.effects]
    strongest = max((abs(pair.effects[task]) for pair in pairs), default=0.0)
    # Frames of an animation have words of their own, and it is not known which are whose.
    read = () if verdict.picture is not None and verdict.picture.views else verdict.text.words
    limits = policy.thresholds.get(task)
    return TaskEvidence(
        task=task,
        view=view,
        scores=tuple(_scores(task, score, explanation)),
        thresholds=None if limits is None else limits.of(verdict.judged_as),
        regions=tuple(Cell(region.box, marks[region.box], *places[region.box]) for region in regions),
        words=tuple(Cell(word.box, mark) for word, mark in _read_words(content, read, words)),
        passages=tuple(Passage(text, mark) for text, mark in marked_passages(content, words)),
        pairs=tuple(
            Together(pair.text, *places[pair.box], _mark(pair.effects[task], strongest), task in pair.only_together)
            for pair in pairs
            if pair.box in places
        ),
    )


def _scores(task: str, score: float, explanation: Explanation) -> Iterator[tuple[str, float]]:
    yield "the meme", score
    for name, alone in (("its words alone", explanation.text_alone), ("its picture alone", explanation.image_alone)):
        found: Score | None = None if alone is None else alone.get(task)
        if isinstance(found, float):
            yield name, found


def _mark(effect: float, strongest: float) -> Mark:
    return Mark(effect, abs(effect) / strongest if strongest else 0.0)


def _marks(effects: Mapping[_Key, float]) -> dict[_Key, Mark]:
    strongest = max(map(abs, effects.values()), default=0.0)
    return {key: _mark(effect, strongest) for key, effect in effects.items()}


def _places(regions: Sequence[RegionEffect]) -> dict[Box, tuple[int, int]]:
    """Row and column of each region's box, from 1."""
    tops = sorted({region.box[1] for region in regions})
    lefts = sorted({region.box[0] for region in regions})
    return {one.box: (tops.index(one.box[1]) + 1, lefts.index(one.box[0]) + 1) for one in regions}


def _read_words(
    content: str, read: Sequence[OcrWord], words: Mapping[Span, Mark]
) -> Iterator[tuple[OcrWord, Mark | None]]:
    """Each word that was read with the strongest mark of the words of ``content`` that it is part of."""
    at = 0
    for word in read:
        start = content.find(word.text, at)
        if start < 0:  # joined or parted otherwise in the text
            yield word, None
            continue
        at = start + len(word.text)
        over = [mark for (first, after), mark in words.items() if first < at and start < after]
        yield word, max(over, key=lambda mark: mark.share, default=None)
