"""Counts of one shadow: its flips by direction, by rule and by whom the meme attacks, and what they do to review."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from model.taxonomy import TASKS
from model.verdict import DECISIONS, Decision, Score
from serving.ledger.queries import Label
from serving.review.figures.false_alarms import says_harmless
from serving.review.figures.shadow.labels import LabelCounts, Labelled
from serving.review.figures.shadow.rows import InForce, ShadowRow, SubjectKey
from serving.review.figures.shadow.rules import rules_of
from serving.review.figures.shares import NORMAL_95, Share, share

#: The task that says whom a meme attacks, the first that a bundle has, and its class for nobody.
_WHOM = {"target": "none", "protected_class": "pc_empty"}
_NOBODY, _NOT_TOLD = "nobody", "not told"
#: A class that is more probable than not is taken to hold.
_HOLDS = 0.5


@dataclass(frozen=True)
class Flips:
    """Decisions that would go from ``old`` to ``new``, of all that were judged."""

    old: Decision
    new: Decision
    share: Share


@dataclass(frozen=True)
class RuleFlips:
    """Flips that a rule brings: the shadow's where it is stricter, else the one in force that it does not have."""

    old: Decision
    new: Decision
    rule: str
    share: Share


@dataclass(frozen=True)
class GroupFlips:
    """Of the memes that attack a group, by the model in force, those that would be decided otherwise.

    ``stricter`` and ``milder`` are the two parts of ``flips``.
    """

    group: str
    flips: Share
    stricter: Share
    milder: Share


@dataclass(frozen=True)
class Change:
    """A share in force and in the shadow, on the same decisions.

    ``difference`` is shadow less in force, with the 95% interval for pairs of Agresti and Min (2005); None without any.
    """

    in_force: Share
    shadow: Share
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class BesideInForce:
    """How many of the judged decisions this bundle and policy made."""

    in_force: InForce
    judged: int


@dataclass(frozen=True)
class ShadowFigures:
    """One shadow. ``sampled`` were to be judged: ``judged``, ``dropped`` since the server was busy, or ``failed``.

    ``dropped_stopped`` are of the dropped those that were stopped in force, ``judged_stopped`` the same of the judged:
    where the two differ, what was judged is no fair sample. ``memes`` are the different ones that were judged.
    """

    subject: SubjectKey
    sampled: int
    judged: int
    dropped: Share
    failed: Share
    memes: int
    dropped_stopped: Share
    judged_stopped: Share
    beside: tuple[BesideInForce, ...]
    flips: Share
    by_direction: tuple[Flips, ...]
    by_rule: tuple[RuleFlips, ...]
    by_group: tuple[GroupFlips, ...]
    to_review: Change
    stopped: Change
    labelled: Labelled


class ShadowCounts:
    """Counts one shadow while its rows come."""

    def __init__(self, subject: SubjectKey) -> None:
        self._subject = subject
        self._outcomes: Counter[str] = Counter()
        self._dropped_stopped = 0
        self._directions: Counter[tuple[Decision, Decision]] = Counter()
        self._rules: Counter[tuple[Decision, Decision, str]] = Counter()
        self._groups: Counter[tuple[str, int]] = Counter()
        self._beside: Counter[InForce] = Counter()
        self._labels = LabelCounts()

    def add(self, row: ShadowRow, labels: Mapping[str, Label]) -> None:
        """Count a row of this shadow, with what reviewers say of the meme."""
        self._outcomes[row.outcome] += 1
        old, new = row.decision_in_force, row.decision
        if new is None:
            self._dropped_stopped += row.outcome == "dropped" and old != "allow"
            return
        self._directions[old, new] += 1
        self._beside[row.in_force] += 1
        step = DECISIONS.index(new) - DECISIONS.index(old)
        for group in groups_of(row.scores_in_force):
            self._groups[group, (step > 0) - (step < 0)] += 1
        if step:
            of_stricter = row.reasons if step > 0 else row.reasons_in_force
            self._rules.update((old, new, rule) for rule in rules_of(of_stricter))
        harmless = says_harmless(labels)
        if harmless is not None:
            self._labels.add(harmless=harmless, in_force=old != "allow", shadow=new != "allow")

    def figures(self, memes: int) -> ShadowFigures:
        """What came of it; ``memes`` are the different ones."""
        sampled, judged = self._outcomes.total(), self._outcomes["judged"]
        dropped = self._outcomes["dropped"]
        flips = {pair: n for pair, n in self._directions.items() if pair[0] != pair[1]}
        stopped = self._change(lambda decision: decision != "allow")
        return ShadowFigures(
            self._subject,
            sampled,
            judged,
            share(dropped, sampled),
            share(self._outcomes["failed"], sampled),
            memes,
            share(self._dropped_stopped, dropped),
            stopped.in_force,
            tuple(BesideInForce(one, n) for one, n in self._beside.most_common()),
            share(sum(flips.values()), judged),
            tuple(Flips(old, new, share(flips[old, new], judged)) for old, new in sorted(flips, key=_by_strictness)),
            tuple(RuleFlips(*key, share(n, judged)) for key, n in self._rules.most_common()),
            tuple(self._by_group()),
            self._change(lambda decision: decision == "review"),
            stopped,
            self._labels.found(),
        )

    def _by_group(self) -> Iterator[GroupFlips]:
        for group in sorted(
            {group for group, _ in self._groups}, key=lambda name: (name in (_NOBODY, _NOT_TOLD), name)
        ):
            milder, same, stricter = (self._groups[group, step] for step in (-1, 0, 1))
            n = milder + same + stricter
            yield GroupFlips(group, share(milder + stricter, n), share(stricter, n), share(milder, n))

    def _change(self, is_so: Callable[[Decision], bool]) -> Change:
        n: Counter[tuple[bool, bool]] = Counter()
        for (old, new), count in self._directions.items():
            n[is_so(old), is_so(new)] += count
        total = n.total()
        both = n[True, True]
        shares = share(both + n[True, False], total), share(both + n[False, True], total)
        return Change(*shares, *paired_difference(n[False, True], n[True, False], total))


def paired_difference(gained: int, lost: int, n: int) -> tuple[float | None, float | None, float | None]:
    """A share of ``n`` things that ``gained`` some of them and ``lost`` others: the difference and its 95% interval."""
    if n == 0:
        return None, None, None
    more, less, total = gained + 0.5, lost + 0.5, n + 2
    middle = (more - less) / total
    reach = NORMAL_95 * math.sqrt(more + less - (more - less) ** 2 / total) / total
    return (gained - lost) / n, max(-1.0, middle - reach), min(1.0, middle + reach)


def groups_of(scores: Mapping[str, Score]) -> list[str]:
    """Whom a meme attacks by its scores, "nobody" where no class holds, "not told" by a bundle without such a task."""
    for task, nobody in _WHOM.items():
        found = scores.get(task)
        if isinstance(found, dict):
            held = [name for name in TASKS[task].classes if name != nobody and found.get(name, 0.0) >= _HOLDS]
            return [name.replace("_", " ") for name in held] or [_NOBODY]
    return [_NOT_TOLD]


def _by_strictness(pair: tuple[Decision, Decision]) -> tuple[int, int]:
    return DECISIONS.index(pair[0]), DECISIONS.index(pair[1])
