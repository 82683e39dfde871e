"""Calibration of logits and default thresholds, both fitted on dev and stored in the manifest.

spec = fit_calibration(task, logits, labels)
picked = pick_thresholds(probabilities, labels, [parse_target("recall=0.9"), parse_target("precision=0.9")])
picked.thresholds                # goes into the manifest
picked.in_words()                # what was reached on dev, with counts
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from model.bundle import CalibrationSpec, Thresholds
from model.errors import MemeguardError
from model.taxonomy import Task

Floats = NDArray[np.float32] | NDArray[np.float64]
Measure = Literal["recall", "precision"]

#: Stands where a label is not known (``training.losses.ABSENT``, which would bring torch).
_ABSENT = -1
#: Blocking without a look needs at least this many dev items behind it.
MIN_BLOCKED = 20
#: A flatter or falling line says that the logits are worth nothing; it is held here, so that the order stays.
_MIN_SCALE = 1e-4
_MAX_SCALE = 1e3
#: Thresholds have three decimals: the very floats that are written to the manifest and compared with scores.
_GRID = np.arange(1001) / 1000


class CalibrationError(MemeguardError):
    """Dev labels from which nothing can be fitted, or a target that cannot be; the message says what is missing."""


@dataclass(frozen=True)
class Target:
    """What a threshold must reach on dev: ``recall`` for sending to review, ``precision`` for blocking."""

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


@dataclass(frozen=True)
class Picked:
    """Thresholds with what they reach on dev: ``review`` and ``block``, each for its target."""

    thresholds: Thresholds
    review: Reached
    block: Reached

    def in_words(self) -> list[str]:
        """Two sentences: from where memes go to review, and from where they are blocked, or why never."""
        review, block = self.review, self.block
        sentences = [f"review from {review.threshold:.3f}: {_counts(review)}; asked: {review.target}"]
        if block.threshold is not None:
            return [*sentences, f"block from {block.threshold:.3f}: {_counts(block)}; asked: {block.target}"]
        why = f"on dev no threshold reaches {block.target} over at least {MIN_BLOCKED} items"
        return [*sentences, f"never blocks: {why}"]


def parse_target(text: str) -> Target:
    """``recall=0.9`` or ``precision=0.9``, as ``--target`` has it; raises ``CalibrationError`` for anything else."""
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    for measure in get_args(Measure):
        if name.strip() == measure and 0 < value <= 1:
            return Target(measure, value)
    raise CalibrationError(
        f"target {text!r}: write recall=NUMBER or precision=NUMBER, the number above 0 and at most 1"
    )


def parse_targets(texts: Sequence[str]) -> list[Target]:
    """Each of ``texts``; raises ``CalibrationError`` for one that cannot be read, and for two of one measure."""
    targets = [parse_target(text) for text in texts]
    _one_each(targets)
    return targets


def fit_calibration(task: Task, logits: Floats, labels: NDArray[np.int64] | Floats) -> CalibrationSpec:
    """Calibration of a task from dev ``logits`` [N, n_logits]; rows without a label (-1) are left out.

    - binary: Platt scaling (Platt 1999); ``labels`` [N] of 0 and 1.
    - multiclass: one temperature (Guo et al. 2017), as ``scale``; ``labels`` [N] class indices.
    - multilabel: one Platt line over every class of every item; ``labels`` [N, C] of 0 and 1.

    Raises ``CalibrationError`` when dev has only one value of the label.
    """
    known = np.asarray(labels)
    rows = known_rows(known)
    targets, shown = known[rows].astype(np.int64), logits[rows]
    found = np.unique(targets)
    if len(found) < 2:
        what = f"only the value {found[0]}" if len(found) else "none at all"
        raise CalibrationError(
            f"task {task.name!r}: calibration needs dev labels of at least two values, and dev has {what}; "
            "give dev data that is labelled for it, or leave the task out"
        )
    if task.kind == "multiclass":
        return CalibrationSpec(scale=_fit_temperature(shown, targets))
    return fit_platt(shown.reshape(-1).astype(np.float32), targets.reshape(-1))


def known_rows(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows [N] that have a label, of labels [N] or, multilabel, [N, C]."""
    known = labels != _ABSENT
    return np.asarray(known.all(axis=1) if known.ndim == 2 else known, dtype=bool)


def fit_platt(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> CalibrationSpec:
    """Platt scaling of a binary task: ``logits`` [N], ``labels`` [N] of 0 and 1, both present (Platt 1999).

    Logits that do not rise with the labels (a picture-only twin's may not) all get about the share of positives. Where
    a threshold parts the labels without a mistake, no line is the likeliest; then the outcomes are taken to be as sure
    as so many items allow, as Platt has it: (n + 1) / (n + 2) for n positives, 1 / (n + 2) for n negatives.
    """
    rows = logits.reshape(-1, 1).astype(np.float64)
    if logits[labels == 1].min() > logits[labels == 0].max():
        n_positive, n_negative = int((labels == 1).sum()), int((labels == 0).sum())
        sure = np.where(labels == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        twice, outcomes = np.vstack([rows, rows]), np.repeat([1, 0], len(rows))
        fitted = LogisticRegression(C=1e6).fit(twice, outcomes, sample_weight=np.concatenate([sure, 1 - sure]))
    else:
        fitted = LogisticRegression(C=1e6).fit(rows, labels)
    scale, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if scale < _MIN_SCALE:
        share = float(np.mean(labels))
        scale, shift = _MIN_SCALE, float(np.log(share / (1 - share))) - _MIN_SCALE * float(np.mean(logits))
    return CalibrationSpec(scale=round(scale, 6), shift=round(shift, 6))


def _fit_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """The scale that makes the labels likeliest; its logarithm is searched, since the loss has one valley."""
    values = logits.astype(np.float64)

    def loss(log_scale: float) -> float:
        log_p = log_softmax(np.exp(log_scale) * values, axis=1)
        return -float(log_p[np.arange(len(labels)), labels].mean())

    bounds = (float(np.log(_MIN_SCALE)), float(np.log(_MAX_SCALE)))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return round(float(np.clip(np.exp(found.x), _MIN_SCALE, _MAX_SCALE)), 6)


def pick_thresholds(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], targets: Sequence[Target] = ()
) -> Picked:
    """Review at the highest threshold with the recall asked for; block at the lowest with the precision asked for.

    ``probabilities`` and ``labels`` [N] of a binary task; rows without a label (-1) are left out. ``block`` is
    None when no threshold reaches that precision over at least 20 items. A measure that ``targets`` does not name
    has the one of ``DEFAULT_TARGETS``. Thresholds have three decimals, and what is reached here is reached by what is
    shipped. Blocking starts no lower than review. Raises ``CalibrationError`` without a positive item.
    """
    by_measure = _one_each(targets)
    known = labels != _ABSENT
    probabilities, labels = probabilities[known], labels[known]
    if not (labels == 1).any():
        raise CalibrationError("thresholds need at least one positive item on dev; give dev data that has some")
    # The step of an item is the highest threshold that it meets, by the very comparison that the policy makes.
    steps = np.searchsorted(_GRID, probabilities, side="right") - 1
    positives = np.sort(steps[labels == 1])
    # A hair more than zero: (1 - .9) * 10 is a little under 1 in floats.
    allowed_misses = int(np.floor((1 - by_measure["recall"].value) * len(positives) + 1e-9))
    review = int(positives[min(allowed_misses, len(positives) - 1)])
    block = _lowest_precise_step(steps, labels, by_measure["precision"].value)
    if block is not None:
        review = min(review, block)
    return Picked(
        Thresholds(review=review / 1000, block=None if block is None else block / 1000),
        review=_reached(by_measure["recall"], review, steps, labels),
        block=_reached(by_measure["precision"], block, steps, labels),
    )


def _one_each(targets: Sequence[Target]) -> dict[Measure, Target]:
    """Targets by measure, the defaults where none is given; raises ``CalibrationError`` for two of one measure."""
    given: dict[Measure, Target] = {target.measure: target for target in targets}
    if len(given) < len(targets):
        raise CalibrationError("two targets for the same measure; give --target recall=... and precision=... once each")
    return {**{target.measure: target for target in DEFAULT_TARGETS}, **given}


def _lowest_precise_step(steps: NDArray[np.int64], labels: NDArray[np.int64], precision: float) -> int | None:
    """The lowest threshold, in thousandths, at and above which enough items lie and enough of them are positive."""
    for step in np.unique(steps):
        above = labels[steps >= step]
        if len(above) >= MIN_BLOCKED and above.mean() >= precision:
            return int(step)
    return None


def _reached(target: Target, step: int | None, steps: NDArray[np.int64], labels: NDArray[np.int64]) -> Reached:
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
