"""Error finding rates: of variants of seeds that are judged rightly in plain form, the share that is judged wrongly.

A seed has several variants, whose fates hang together. So where a rate is over more than one of each seed, its Wilson
interval is taken at the number of independent items that would spread as much as the seeds do (Kish's design effect),
less by what few seeds leave unknown of that (Korn and Graubard 1998).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from training.evaluation.metrics.bootstrap import Estimate
from training.stress.journal import Record
from training.stress.relations.base import Relation
from training.stress.run import PLAIN, plain_of

_Z = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """``errors`` of ``judged`` variants of ``seeds`` seeds, as a share with its 95% interval.

    ``not_judged`` are variants that the target gave no answer to; they are neither passed nor failed. ``not_made`` are
    those that a relation does not apply to, or whose meaning nothing proves.
    """

    errors: int
    judged: int
    seeds: int
    share: Estimate
    not_judged: int = 0
    not_made: int = 0


@dataclass(frozen=True)
class Row:
    """Misses are hateful variants that were not flagged, false alarms harmless ones that were.

    ``strength`` None: all of them.
    """

    name: str
    family: str
    strength: str | None
    misses: Rate
    false_alarms: Rate


@dataclass(frozen=True)
class Rates:
    """All rates of a run. ``plain`` are the errors that need no relation: of the seeds themselves."""

    plain: tuple[Row, ...]
    overall: Row
    families: tuple[Row, ...]
    relations: tuple[Row, ...]
    strengths: tuple[Row, ...]
    problems: Mapping[str, int]


def rates_of(records: Iterable[Record], relations: Sequence[Relation]) -> Rates:
    """The rates of a run's records, in the order of ``relations``."""
    held = list(records)
    plains = list(dict.fromkeys(map(plain_of, relations)))
    varied = [record for record in held if record.strength != PLAIN]

    def row(name: str, family: str, strength: str | None, is_of: Callable[[Record], bool]) -> Row:
        return _row(name, family, strength, [record for record in varied if is_of(record)])

    def of(relation: Relation, strength: str | None = None) -> Row:
        names = {relation.name}
        return row(relation.name, relation.family, strength, lambda one: one.relation in names
                   and strength in (None, one.strength))  # fmt: skip

    families = {relation.family: {one.name for one in relations if one.family == relation.family}
                for relation in relations}  # fmt: skip
    return Rates(
        plain=tuple(_row(name, PLAIN, None, [one for one in held if one.relation == name]) for name in plains),
        overall=_row("all relations", "all", None, varied),
        families=tuple(
            _row(family, family, None, [one for one in varied if one.relation in names])
            for family, names in families.items()
        ),
        relations=tuple(of(relation) for relation in relations),
        strengths=tuple(of(relation, strength) for relation in relations for strength in relation.strengths),
        problems=dict(Counter(one.problem for one in held if one.problem is not None).most_common()),
    )


def _row(name: str, family: str, strength: str | None, records: Sequence[Record]) -> Row:
    hateful, harmless = ([one for one in records if one.hateful == is_hateful] for is_hateful in (True, False))
    return Row(name, family, strength, rate(hateful), rate(harmless))


def rate(records: Sequence[Record]) -> Rate:
    """The rate of records of one label."""
    judged = [record for record in records if record.flagged is not None]
    by_seed: dict[str, list[bool]] = {}
    for record in judged:
        by_seed.setdefault(record.seed, []).append(record.is_error)
    return Rate(
        errors=sum(record.is_error for record in judged),
        judged=len(judged),
        seeds=len(by_seed),
        share=clustered_share(list(by_seed.values())),
        not_judged=sum(record.problem is not None for record in records),
        not_made=sum(record.item is None for record in records),
    )


def clustered_share(errors: Sequence[Sequence[bool]]) -> Estimate:
    """The share of errors in groups of items that hang together, with its 95% interval.

    The variance of the share over groups (a ratio estimate; Cochran 1977, section 9A) beside that of as many
    independent items gives the design effect, by which the number of items is divided before Wilson's interval is
    taken; so it is by how much wider Student's t of so many groups is than the normal distribution, squared (Korn and
    Graubard 1998). One item a group gives Wilson's interval as it is. Where all are alike nothing tells the effect,
    and each group counts as one item.
    """
    n = sum(map(len, errors))
    if n == 0:
        return Estimate(None, reason="none was judged")
    hits, sizes = np.array([sum(group) for group in errors]), np.array([len(group) for group in errors])
    share = hits.sum() / n
    return Estimate(float(share), *_wilson(float(share), n / _design_effect(hits, sizes)))


def _design_effect(hits: np.ndarray, sizes: np.ndarray) -> float:
    """At least 1 (no item tells of another); that of few groups is large, since they tell little of it."""
    n, groups = int(sizes.sum()), len(sizes)
    share = hits.sum() / n
    if n == groups:
        return 1.0
    if groups == 1:
        return float(n)
    few = float((t.ppf(0.975, groups - 1) / _Z) ** 2)
    if share in (0.0, 1.0):
        return few * n / groups
    variance = groups / (groups - 1) * float(((hits - share * sizes) ** 2).sum()) / n**2
    return few * float(np.clip(variance / (share * (1 - share) / n), 1.0, n))


def _wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share of ``n`` items, which need not be a whole number."""
    middle = share + _Z**2 / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    low, high = ((middle + sign * spread) / (1 + _Z**2 / n) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)
