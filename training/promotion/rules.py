"""The rules by which a challenger is refused, each with a name, so that one can be overridden and recorded.

A rule looks at numbers that were measured and says nothing of its own: see ``compare.py`` for where they come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from model.bundle import Manifest
from model.errors import MemeguardError
from model.modality import MODALITIES, modality_title
from training.promotion.results import AlarmLine, Comparison, Line

Rule = Literal[
    "missing-task",
    "other-classes",
    "missing-thresholds",
    "other-champion",
    "too-few-items",
    "worse-auroc",
    "worse-macro-f1",
    "worse-calibration",
    "worse-review-recall",
    "worse-review-load",
    "not-better",
    "group-regression",
    "group-false-alarms",
    "slower",
    "too-few-shadowed",
    "shadow-review-share",
]
RULES: tuple[Rule, ...] = get_args(Rule)
MEANINGS: dict[Rule, str] = {
    "missing-task": "the challenger lacks a task that the champion answers",
    "other-classes": "a task has other classes, another order of them or another kind of answer",
    "missing-thresholds": "the champion's policy acts on a task, or blocks by it, and the challenger's does not",
    "other-champion": "the champion is not the bundle that is current in the store",
    "too-few-items": "no task has enough labelled items for the comparison to say anything",
    "worse-auroc": "AUROC is lower: the whole 95% interval of the difference, or the difference by more than --margin",
    "worse-macro-f1": "the same for macro-F1 of decisions at 0.5, or at the most probable class",
    "worse-calibration": "calibration error rose by more than --margin, with the whole interval above zero",
    "worse-review-recall": "each at its own threshold, the challenger sends fewer positive memes to review: by "
    "more than --margin, with the whole interval below zero",
    "worse-review-load": "in the same way, it sends more harmless memes to review, with the whole interval above zero",
    "not-better": "only with --require better: no AUROC or macro-F1 is higher with its whole interval",
    "group-regression": "false positives or misses in a group rose by more than --max-group-regression, and a McNemar "
    "test says it is no chance (Holm-corrected over all groups, p < .05)",
    "group-false-alarms": "each at its own thresholds, the challenger stops (sends to review or blocks) more harmless "
    "mentions of a group: by more than --max-group-regression, with the whole interval above zero; or more than "
    "--max-group-false-alarm of them, where that is given. Groups with fewer than --min-group-items harmless items are "
    "named and not judged",
    "slower": "a meme takes more than --max-slowdown times the champion's time",
    "too-few-shadowed": "only with --shadow-report: on live traffic the challenger judged fewer than "
    "--min-shadow-decisions decisions of this champion",
    "shadow-review-share": "only with --shadow-report: there it would send more than --max-review-share of the memes "
    "to review",
}
_BETTER_RULES: dict[str, Rule] = {"auroc": "worse-auroc", "macro_f1": "worse-macro-f1"}
_COST_RULES: dict[str, Rule] = {"calibration_error": "worse-calibration", "reviewed_negatives": "worse-review-load"}
#: A difference of proportions in a group must be this unlikely by chance.
_GROUP_P = 0.05


class PromotionError(MemeguardError):
    """A promotion that cannot be carried out; the message says what is in the way and what to do."""


class PromotionRefusedError(PromotionError):
    """A challenger that broke a rule which was not overridden; nothing was registered."""


class Limits(BaseModel):
    """How much is too much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    require: Literal["not-worse", "better"] = "not-worse"
    margin: float = Field(0.03, ge=0, le=1)
    max_group_regression: float = Field(0.1, ge=0, le=1)
    max_group_false_alarm: float | None = Field(None, ge=0, le=1)
    min_group_items: int = Field(30, ge=1)
    max_slowdown: float = Field(1.5, gt=0)
    min_items: int = Field(50, ge=0)
    min_shadow_decisions: int = Field(1000, ge=1)
    max_review_share: float | None = Field(None, ge=0, le=1)


@dataclass(frozen=True)
class Finding:
    """A rule that was broken, and by what."""

    rule: Rule
    message: str


def check_answers(champion: Manifest, challenger: Manifest) -> list[Finding]:
    """Would whoever asks the champion understand the challenger's answers, and does its policy still act?"""
    theirs = {task.name: task.classes for task in challenger.tasks}
    findings = []
    for task in champion.tasks:
        if task.name not in theirs:
            findings.append(Finding("missing-task", f"no task {task.name!r}"))
        elif theirs[task.name] != task.classes:
            now, before = ", ".join(theirs[task.name]), ", ".join(task.classes)
            findings.append(Finding("other-classes", f"{task.name}: classes {now}; the champion's are {before}"))
    for name, limits in champion.thresholds.items():
        own = challenger.thresholds.get(name)
        if own is None:
            findings.append(Finding("missing-thresholds", f"no thresholds for {name!r}: it would never be acted on"))
            continue
        silent = [
            modality
            for modality, bounds in limits.items()
            if bounds.block is not None and own.of(modality).block is None
        ]
        if len(silent) == len(MODALITIES):
            findings.append(Finding("missing-thresholds", f"{name!r} never blocks, as the champion does"))
        elif silent:
            of = " and ".join(map(modality_title, silent))
            findings.append(Finding("missing-thresholds", f"{name!r} never blocks {of}, as the champion does"))
    return findings


def check_measured(comparison: Comparison, limits: Limits) -> list[Finding]:
    """Everything that was measured against ``limits``."""
    findings = [finding for line in comparison.lines if (finding := _quality(line, limits)) is not None]
    findings += [finding for line in comparison.groups if (finding := _group(line, limits)) is not None]
    findings += [finding for one in comparison.alarms if (finding := _alarms(one, limits)) is not None]
    most = max((line.n for line in comparison.lines), default=0)
    if most < limits.min_items:
        message = f"{most} labelled items at most, {limits.min_items} are asked for"
        findings.append(Finding("too-few-items", message))
    if limits.require == "better" and not any(_is_better(line) for line in comparison.lines):
        findings.append(Finding("not-better", "no AUROC or macro-F1 is higher with its whole 95% interval"))
    if comparison.speed is not None and comparison.speed.ratio > limits.max_slowdown:
        message = f"{comparison.speed.ratio:.2f} times the champion's time a meme; the limit is {limits.max_slowdown:g}"
        findings.append(Finding("slower", message))
    return findings


def check_names(names: Sequence[str]) -> tuple[Rule, ...]:
    """Names of rules as a caller gave them; raises ``PromotionError`` listing the rules for one that is none."""
    known = {rule: rule for rule in RULES}
    for name in names:
        if name not in known:
            raise PromotionError(f"--override {name}: no such rule; the rules are {', '.join(RULES)}")
    return tuple(rule for rule in RULES if rule in names)


def _quality(line: Line, limits: Limits) -> Finding | None:
    rule = _BETTER_RULES.get(line.metric)
    lost_surely, lost_much = line.high < 0, line.difference < -limits.margin
    if rule is not None and (lost_surely or lost_much):
        return Finding(rule, line.in_words())
    if line.metric == "review_recall" and lost_surely and lost_much:
        return Finding("worse-review-recall", line.in_words())
    rule = _COST_RULES.get(line.metric)
    if rule is not None and line.low > 0 and line.difference > limits.margin:
        return Finding(rule, line.in_words())
    return None


def _group(line: Line, limits: Limits) -> Finding | None:
    if rises_too_much(line, limits) and line.p_value < _GROUP_P:
        return Finding("group-regression", line.in_words())
    return None


def _alarms(one: AlarmLine, limits: Limits) -> Finding | None:
    """The rise is held to its interval, as other differences are, since with few items two levels rarely coincide; the
    ceiling to what was measured, since it is the operator's word and the challenger's to keep.
    """
    if one.line is None or one.is_reference or one.n < limits.min_group_items:
        return None
    ceiling = limits.max_group_false_alarm
    if ceiling is not None and one.line.challenger > ceiling:
        return Finding("group-false-alarms", f"over the ceiling of {ceiling:g}: {one.line.in_words()}")
    if rises_too_much(one.line, limits) and rises_surely(one.line):
        return Finding("group-false-alarms", one.line.in_words())
    return None


def rises_too_much(line: Line, limits: Limits) -> bool:
    """Whether a rate of a group is higher by more than is let pass."""
    return line.difference > limits.max_group_regression


def rises_surely(line: Line) -> bool:
    """Whether the whole interval of the difference is above zero."""
    return line.low > 0


def _is_better(line: Line) -> bool:
    return line.metric in _BETTER_RULES and line.low > 0
