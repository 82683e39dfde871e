"""Default thresholds, picked for targets on labelled items and on an ordinary stream; they are stored in the manifest.

picked = pick_thresholds(probabilities, labels, parse_targets(["false_alarm=0.1", "precision=0.9"]), ordinary)
picked.thresholds                # goes into the manifest
picked.in_words()                # what was reached, with counts
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from model.bundle import Thresholds
from training.datasets.base import ABSENT
from training.evaluation.calibrate import CalibrationError

Measure = Literal["recall", "false_alarm", "precision"]
Ints = NDArray[np.int64]

#: Blocking without a look needs at least this many dev items behind it.
MIN_BLOCKED = 20
#: A share of false alarms needs at least this many items of an ordinary stream behind it.
MIN_ORDINARY = 20
#: Thresholds have three decimals: the very floats that are written to the manifest and compared with scores.
_GRID = np.arange(1001) / 1000


@dataclass(frozen=True)
class Target:
    """What a threshold must reach.

    ``recall`` on dev for sending to review, or ``false_alarm``: at most that share of an ordinary stream is sent there;
    ``precision`` on dev for blocking.
    """

    measure: Measure
    value: float

    def __str__(self) -> str:
        return f"{self.measure} {self.value:g}"


#: What a policy reaches for when nobody says otherwise.
DEFAULT_TARGETS = (Target("recall", 0.9), Target("precision", 0.9))


@dataclass(frozen=True)
class Reached:
    """What a threshold does on dev: ``n_above`` of ``n`` items lie at or above it, ``n_hits`` of ``n_positives``."""

    target: Target
    threshold: float | None
    n: int
    n_positives: int
    n_above: int
    n_hits: int

    @property
    def met(self) -> bool:
        """Whether the target is reached by items, and not only by blocking nothing."""
        return self.threshold is not None

    @property
    def recall(self) -> float:
        """Share of the positives at or above the threshold."""
        return self.n_hits / self.n_positives

    @property
    def precision(self) -> float:
        """Share of positives among the items at or above the threshold; 0 when there are none."""
        return self.n_hits / self.n_above if self.n_above else 0.0

    @property
    def false_alarms(self) -> "Share":
        """What of the negatives lies at or above the threshold."""
        return Share(self.n_above - self.n_hits, self.n - self.n_positives)

    @property
    def above(self) -> "Share":
        """What of all lies at or above the threshold."""
        return Share(self.n_above, self.n)


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    n_of: int
    n: int

    def __str__(self) -> str:
        return f"{self.n_of / self.n:.3f} ({self.n_of} of {self.n})" if self.n else "of none"


@dataclass(frozen=True)
class Picked:
    """Thresholds with what they reach: ``review`` and ``block`` on dev, each for its target.

    ``ordinary`` is what goes to review of an ordinary stream.
    """

    thresholds: Thresholds
    review: Reached
    block: Reached
    ordinary: Share

    def in_words(self) -> list[str]:
        """Two sentences: from where memes go to review, and from where they are blocked, or why never."""
        review, block = self.review, self.block
        sentences = [f"review from {review.threshold:.3f}: {_counts(review)}; asked: {review.target}"]
        if block.threshold is not None:
            return [*sentences, f"block from {block.threshold:.3f}: {_counts(block)}; asked: {block.target}"]
        why = f"on dev no threshold reaches {block.target} over at least {MIN_BLOCKED} items"
        return [*sentences, f"never blocks: {why}"]

    def expected_in_words(self) -> str:
        """How much work it makes."""
        return (
            f"false alarms {self.review.false_alarms}; expected in review: {self.ordinary} of an ordinary stream, "
            f"{self.review.above} of a flagged one"
        )

    @property
    def recorded(self) -> dict[str, Any]:
        """For the manifest."""
        counts = {"false_alarms": self.review.false_alarms, "ordinary": self.ordinary, "flagged": self.review.above}
        return {
            "targets": [str(self.review.target), str(self.block.target)],
            "review": self.review.threshold,
            "block": self.block.threshold,
            "recall": {"n_of": self.review.n_hits, "n": self.review.n_positives},
            **{name: {"n_of": share.n_of, "n": share.n} for name, share in counts.items()},
        }


def parse_target(text: str) -> Target:
    """``recall=0.9``, ``false_alarm=0.1`` or ``precision=0.9``, as ``--target`` has it.

    Raises ``CalibrationError`` for anything else.
    """
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    for measure in get_args(Measure):
        if name.strip() == measure and 0 < value <= 1:
            return Target(measure, value)
    raise CalibrationError(
        f"target {text!r}: write recall=NUMBER or precision=NUMBER, or false_alarm=NUMBER in place of the recall, the "
        "number above 0 and at most 1"
    )


def parse_targets(texts: Sequence[str]) -> list[Target]:
    """Each of ``texts``; raises ``CalibrationError`` for one that cannot be read, and for two of one measure."""
    targets = [parse_target(text) for text in texts]
    _review_and_block(targets)
    return targets


def pick_thresholds(
    probabilities: NDArray[np.float64],
    labels: Ints,
    targets: Sequence[Target] = (),
    ordinary: NDArray[np.float64] | None = None,
) -> Picked:
    """Thresholds of a binary task from ``probabilities`` and ``labels`` [N]; rows without a label (-1) are left out.

    - Review at the highest threshold with the recall asked for, or at the lowest with no more false alarms than that
      among the probabilities of ``ordinary`` [M] items (None: the items labelled negative).
    - Block at the lowest with the precision asked for, over at least 20 items; None when there is none.

    Of a measure that ``targets`` does not name it is the one of ``DEFAULT_TARGETS``. Thresholds have three decimals,
    and what is reached here is reached by what is shipped. Blocking starts no lower than review: to keep a recall
    review gives way, to keep false alarms blocking does. Raises ``CalibrationError`` without a positive item, and for
    false alarms among too few.
    """
    for_review, for_block = _review_and_block(targets)
    known = labels != ABSENT
    steps, labels = _steps(probabilities[known]), labels[known]
    if not (labels == 1).any():
        raise CalibrationError("thresholds need at least one positive item on dev; give dev data that has some")
    stream = steps[labels == 0] if ordinary is None else _steps(ordinary)
    if for_review.measure == "false_alarm":
        review = _step_of_few(stream, for_review)
        block = _lowest_precise_step(steps, labels, for_block.value, review)
    else:
        block = _lowest_precise_step(steps, labels, for_block.value)
        review = min(int(highest_catching(steps[labels == 1], for_review.value)), 1000 if block is None else block)
    return Picked(
        Thresholds(review=review / 1000, block=None if block is None else block / 1000),
        review=_reached(for_review, review, steps, labels),
        block=_reached(for_block, block, steps, labels),
        ordinary=Share(int((stream >= review).sum()), len(stream)),
    )


def highest_catching(positives: NDArray[Any], recall: float) -> float:
    """The highest score at and above which ``recall`` of the scores of ``positives`` [P], at least one, lie."""
    # A hair more than zero: (1 - .9) * 10 is a little under 1 in floats.
    allowed_misses = int(np.floor((1 - recall) * len(positives) + 1e-9))
    return float(np.sort(positives)[min(allowed_misses, len(positives) - 1)])


def _review_and_block(targets: Sequence[Target]) -> tuple[Target, Target]:
    """The targets of both thresholds, the defaults where none is given; raises ``CalibrationError`` for two of one."""
    given: dict[Measure, Target] = {target.measure: target for target in targets}
    if len(given) < len(targets):
        raise CalibrationError("two targets for the same measure; give --target recall=... and precision=... once each")
    if "recall" in given and "false_alarm" in given:
        raise CalibrationError("two targets for review: give --target recall=... or false_alarm=..., not both")
    recall, precision = DEFAULT_TARGETS
    return given.get("false_alarm") or given.get("recall", recall), given.get("precision", precision)


def _steps(probabilities: NDArray[np.float64]) -> Ints:
    """The highest threshold, in thousandths, that each meets, by the very comparison that the policy makes."""
    return np.asarray(np.searchsorted(_GRID, probabilities, side="right") - 1, dtype=np.int64)


def _step_of_few(ordinary: Ints, target: Target) -> int:
    """The lowest threshold that no more than this share of ``ordinary`` items meets."""
    wanted = max(MIN_ORDINARY, math.ceil(1 / target.value - 1e-9))
    if len(ordinary) < wanted:
        raise CalibrationError(
            f"{target} needs at least {wanted} ordinary items, and there are {len(ordinary)}: give more in "
            "data.ordinary (without it they are the harmless ones of data.calibrate), or a target of recall"
        )
    allowed = int(np.floor(target.value * len(ordinary) + 1e-9))
    step = 0 if allowed >= len(ordinary) else int(np.sort(ordinary)[::-1][allowed]) + 1
    if step >= len(_GRID):
        raise CalibrationError(f"{target} cannot be reached: more than that of the ordinary items score 1")
    return step


def _lowest_precise_step(steps: Ints, labels: Ints, precision: float, least: int = 0) -> int | None:
    """The lowest threshold from ``least``, in thousandths, that enough items meet of which enough are positive."""
    for step in np.unique([least, *steps[steps >= least]]):
        above = labels[steps >= step]
        if len(above) >= MIN_BLOCKED and above.mean() >= precision:
            return int(step)
    return None


def _reached(target: Target, step: int | None, steps: Ints, labels: Ints) -> Reached:
    above = steps >= (len(_GRID) if step is None else step)
    return Reached(
        target=target,
        threshold=None if step is None else step / 1000,
        n=len(labels),
        n_positives=int((labels == 1).sum()),
        n_above=int(above.sum()),
        n_hits=int((labels[above] == 1).sum()),
    )


def _counts(reached: Reached) -> str:
    return (
        f"recall {reached.recall:.3f} ({reached.n_hits} of {reached.n_positives}), "
        f"precision {reached.precision:.3f} ({reached.n_hits} of {reached.n_above}) on {reached.n} dev items"
    )
