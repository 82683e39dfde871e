"""Comparison of both bundles on the same memes, with the code that serves: every metric by pairs, every group."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from model.bundle import Bundle
from model.engine import Engines
from model.policy.policy import default_policy
from model.taxonomy import Task
from training.datasets import DatasetError, Sample
from training.evaluation.decisions import decide_all, review_bounds
from training.evaluation.evaluate_set import LabelledSet
from training.evaluation.false_alarms import harmless_items, stopped
from training.evaluation.labels import Question, labelled
from training.evaluation.metrics.bootstrap import UndefinedMetricError, paired_bootstrap
from training.evaluation.metrics.measures import MEASURES, Floats, Ints, Measure, false_positive_rate, recall
from training.evaluation.ocr_comparison import words_of
from training.evaluation.options import Setup
from training.evaluation.scoring import Scored, score_bundle
from training.promotion.false_alarms import Stopped, alarm_lines
from training.promotion.groups import Pair, group_lines, holm
from training.promotion.results import AlarmLine, Comparison, Contender, Line
from training.promotion.rules import PromotionError
from training.promotion.speed import compare_speed

_SHOWN = ("auroc", "accuracy", "macro_f1", "calibration_error")
_REVIEW_RECALL = Measure("review_recall", "recall of review", recall, "needs items of the positive class")
_REVIEWED_NEGATIVES = Measure(
    "reviewed_negatives",
    "harmless but reviewed",
    false_positive_rate,
    "needs items of the negative class",
    higher_is_better=False,
)


@dataclass(frozen=True)
class Named:
    """A bundle under the name that the caller gave it."""

    given: str
    bundle: Bundle


def shared_tasks(champion: Bundle, challenger: Bundle) -> list[Task]:
    """The tasks that both answer alike, which are those that can be compared."""
    return [task for task in champion.tasks if task in challenger.tasks]


def compare(champion: Named, challenger: Named, sets: Sequence[LabelledSet], setup: Setup) -> Comparison:
    """Score every set with both bundles; ``sets`` were labelled with the tasks that the two share.

    Raises ``DatasetError`` when no item of a set can be scored, ``PromotionError`` for scores that are no numbers.
    """
    bundles = champion.bundle, challenger.bundle
    found = _Found(notes=_task_notes(*bundles))
    for one in sets:
        found.add(one, bundles, setup)
    speed = None
    if found.samples:
        speed = compare_speed(*bundles, found.samples, engine=setup.inference, threads=setup.threads)
    first, second = (contender(one, setup.engines_for(one.bundle)) for one in (champion, challenger))
    return Comparison(first, second, found.lines, holm(found.groups), speed, found.notes, found.alarms)


@dataclass
class _Found:
    """What was found so far, set by set."""

    notes: list[str]
    lines: list[Line] = field(default_factory=list)
    groups: list[Line] = field(default_factory=list)
    alarms: list[AlarmLine] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def add(self, one: LabelledSet, bundles: tuple[Bundle, Bundle], setup: Setup) -> None:
        samples = self._with_words(one, bundles, setup)
        scored = _score(one.source, samples, bundles, setup)
        self.samples += scored[0].samples
        if scored[0].failures:
            self.notes.append(f"{one.source}: {len(scored[0].failures)} pictures could not be read and were left out")
        chosen = [decide_all(bundle, found) for bundle, found in zip(bundles, scored, strict=True)]
        for question in one.asked:
            pair = _pair(question, scored, bundles)
            self.lines += _lines(pair, setup, self.notes)
            if question.task.kind == "binary":
                self.groups += group_lines(pair, n_resamples=setup.n_resamples, seed=setup.seed)
            if pair.review is not None:
                stopped_items = _stopped(question, scored[0].samples, pair, bundles, chosen)
                self.alarms += alarm_lines(pair, stopped_items, n_resamples=setup.n_resamples, seed=setup.seed)

    def _with_words(self, one: LabelledSet, bundles: tuple[Bundle, Bundle], setup: Setup) -> list[Sample]:
        """The labelled samples of a set, with the words that are scored."""
        words = words_of(one.samples, setup)
        if left_out := len(one.loaded.skipped) + len(words.skipped):
            self.notes.append(f"{one.source}: {left_out} items could not be read and were left out")
        asked = {question.task.name for question in one.asked}
        if missing := [task.name for task in shared_tasks(*bundles) if task.name not in asked]:
            self.notes.append(f"{one.source}: no labels for {', '.join(missing)}: not compared there")
        return words.samples


def contender(named: Named, engines: Engines) -> Contender:
    """What identifies a bundle, its size on disk, and the ``engines`` that compute it."""
    manifest = named.bundle.manifest
    size = sum(named.bundle.file(name).stat().st_size for name in manifest.files)
    return Contender(named.given, manifest.name, manifest.version, named.bundle.digest, size, engines)


def _task_notes(champion: Bundle, challenger: Bundle) -> list[str]:
    known = {task.name for task in champion.tasks}
    new = [task.name for task in challenger.tasks if task.name not in known]
    return [f"the challenger answers more: {', '.join(new)}; nothing to compare it with"] if new else []


def _score(
    source: str, samples: Sequence[Sample], bundles: tuple[Bundle, Bundle], setup: Setup
) -> tuple[Scored, Scored]:
    first, second = (score_bundle(bundle, samples, **setup.scoring) for bundle in bundles)
    if [id(sample) for sample in first.samples] != [id(sample) for sample in second.samples]:
        raise PromotionError(f"{source}: a picture changed while it was scored; run the comparison again")
    if not first.samples:
        raise DatasetError(f"{source}: no item could be scored; `memeguard data check` says what is in it")
    return first, second


def _pair(question: Question, scored: tuple[Scored, Scored], bundles: tuple[Bundle, Bundle]) -> Pair:
    rows, labels = labelled(question, scored[0].samples)
    name = question.task.name
    first, second = (one.probabilities[name][rows] for one in scored)
    for scores, role in ((first, "champion"), (second, "challenger")):
        if not np.isfinite(scores).all():
            raise PromotionError(f"the {role}'s scores of task {name!r} are no numbers; export it again")
    samples = [scored[0].samples[row] for row in rows]
    return Pair(
        data=f"{samples[0].dataset}, {samples[0].split}",
        task=question.task,
        samples=samples,
        labels=labels,
        champion=first,
        challenger=second,
        review=_review_bounds(name, bundles, scored, rows),
    )


def _review_bounds(
    task: str, bundles: tuple[Bundle, Bundle], scored: tuple[Scored, Scored], rows: Ints
) -> tuple[Floats, Floats] | None:
    """Of each row by each bundle's own policy, where both act on the task."""
    first, second = (
        review_bounds(bundle, task, [one.modalities[row] for row in rows])
        for bundle, one in zip(bundles, scored, strict=True)
    )
    return None if first is None or second is None else (first, second)


def _stopped(
    question: Question,
    samples: Sequence[Sample],
    pair: Pair,
    bundles: tuple[Bundle, Bundle],
    chosen: Sequence[Sequence[str]],
) -> Stopped:
    """What each policy does about the items of a pair, of all ``samples`` that were decided on as ``chosen`` says."""
    rows, _ = labelled(question, samples)
    policies = [default_policy(bundle.manifest) for bundle in bundles]
    champion, challenger = (stopped([decisions[row] for row in rows]) for decisions in chosen)
    return Stopped(harmless_items(policies, question, pair.samples, pair.labels), champion, challenger)


def _lines(pair: Pair, setup: Setup, notes: list[str]) -> list[Line]:
    """Every metric that is defined on these items."""
    wanted = [measure for measure in MEASURES[pair.task.kind] if measure.name in _SHOWN]
    asked: list[tuple[Measure, Floats, Floats]] = [(measure, pair.champion, pair.challenger) for measure in wanted]
    if pair.review is not None:
        decided = [
            (scores >= bounds).astype(np.float64)
            for scores, bounds in zip((pair.champion, pair.challenger), pair.review, strict=True)
        ]
        asked += [(measure, decided[0], decided[1]) for measure in (_REVIEW_RECALL, _REVIEWED_NEGATIVES)]
    lines = []
    for measure, mine, theirs in asked:
        try:
            lines.append(_line(pair, measure, pair.labels, mine, theirs, setup))
        except UndefinedMetricError as error:
            notes.append(f"{pair.data}, {pair.task.name}: {error}")
    return lines


def _line(pair: Pair, measure: Measure, labels: Ints, mine: Floats, theirs: Floats, setup: Setup) -> Line:
    found = paired_bootstrap(measure, labels, theirs, mine, setup.n_resamples, setup.seed)
    return Line(
        data=pair.data,
        task=pair.task.name,
        metric=measure.name,
        title=measure.label,
        n=len(labels),
        champion=measure(labels, mine),
        challenger=measure(labels, theirs),
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        higher_is_better=measure.higher_is_better,
    )
