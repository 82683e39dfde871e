"""Two windows to findings: where they differ, by a test and by how much."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from serving.drift.features import FIXED, Feature, Value
from serving.drift.statistics import (
    SignificanceTest,
    benjamini_hochberg,
    in_tenths,
    kolmogorov_smirnov,
    shares_test,
    stability_index,
)
from serving.drift.window import Window

#: With fewer in either window a test finds nothing, and the index is noise.
FEWEST = 30


@dataclass(frozen=True)
class Limits:
    """From where on a difference counts: both have to hold.

    ``alpha`` is the share of false discoveries, ``psi`` the population stability index: by custom, under 0.1 nothing
    has changed and over 0.25 much has.
    """

    alpha: float = 0.01
    psi: float = 0.2


@dataclass(frozen=True)
class Finding:
    """One feature in both windows. ``test``, ``p_adjusted`` and ``psi`` are None where there was too little of it."""

    feature: Feature
    n: int
    n_against: int
    test: SignificanceTest | None
    p_adjusted: float | None
    psi: float | None
    change: str
    is_significant: bool = False
    has_changed: bool = False

    @property
    def is_drift(self) -> bool:
        """A measured feature that has changed; of a setting somebody knows why."""
        return self.has_changed and self.feature.role == "measured"


def compare(window: Window, against: Window, limits: Limits) -> tuple[Finding, ...]:
    """A finding for each feature of either window, in a fixed order."""
    features = list(_ordered(window, against))
    tests = [_test(window, against, feature) for feature in features]
    adjusted = iter(benjamini_hochberg([test.p for test in tests if test is not None]))
    return tuple(
        _finding(window, against, feature, test, None if test is None else next(adjusted), limits)
        for feature, test in zip(features, tests, strict=True)
    )


def summary(findings: Sequence[Finding]) -> str:
    """What is found, in a few words; never "no drift" where nothing could be tested."""
    measured = [finding for finding in findings if finding.feature.role == "measured" and finding.test is not None]
    if not measured:
        return f"too few decisions to tell: a window needs {FEWEST}"
    n = sum(finding.is_drift for finding in measured)
    return f"drift in {n} of {len(measured)} distributions" if n else "no drift"


def _ordered(window: Window, against: Window) -> Iterator[Feature]:
    found = {feature.name: feature for feature in (*against.counts, *window.counts)}
    scores = [found[name] for name in sorted(found.keys() - {feature.name for feature in FIXED})]
    yield FIXED[0]
    yield from scores
    yield from FIXED[1:]


def _test(window: Window, against: Window, feature: Feature) -> SignificanceTest | None:
    if min(window.n(feature), against.n(feature)) < FEWEST:
        return None
    if feature.kind == "number":
        return kolmogorov_smirnov(numbers(window, feature), numbers(against, feature))
    return shares_test(names(window, feature), names(against, feature))


def _finding(
    window: Window, against: Window, feature: Feature, test: SignificanceTest | None, p: float | None, limits: Limits
) -> Finding:
    n, n_against = window.n(feature), against.n(feature)
    if test is None or p is None:
        return Finding(feature, n, n_against, None, None, None, "too few to say")
    psi = _index(window, against, feature)
    is_significant = p < limits.alpha
    changed = is_significant and psi >= limits.psi
    return Finding(feature, n, n_against, test, p, psi, _change(window, against, feature), is_significant, changed)


def _index(window: Window, against: Window, feature: Feature) -> float:
    if feature.kind == "shares":
        return stability_index(names(window, feature), names(against, feature))
    reference = numbers(against, feature)
    return stability_index(in_tenths(numbers(window, feature), reference), in_tenths(reference, reference))


def _change(window: Window, against: Window, feature: Feature) -> str:
    """The mean of before and after, or the share that moved most."""
    if feature.kind == "number":
        before, after = mean(numbers(against, feature)), mean(numbers(window, feature))
        digits = 3 if feature.is_probability else 1
        return f"mean {before:.{digits}f} -> {after:.{digits}f}"
    before, after, name = max(
        (
            (share(against, feature, name), share(window, feature, name), name)
            for name in values(window, against, feature)
        ),
        # Of two that moved as far, as they do where there are two, the rarer.
        key=lambda found: (round(abs(found[1] - found[0]), 9), -found[0]),
    )
    return f"{name} {before:.1%} -> {after:.1%}" if before != after else f"{name} {before:.1%} as before"


def numbers(window: Window, feature: Feature) -> Mapping[float, int]:
    """Counts of a number."""
    return cast("Counter[float]", window.counts.get(feature, Counter()))


def names(window: Window, feature: Feature) -> Mapping[str, int]:
    """Counts of what is no number."""
    return cast("Counter[str]", window.counts.get(feature, Counter()))


def values(window: Window, against: Window, feature: Feature) -> Sequence[Value]:
    """What is in either window, the most frequent of before first."""
    before = against.counts.get(feature, Counter())
    found = before.keys() | window.counts.get(feature, Counter()).keys()
    return sorted(found, key=lambda value: (-before[value], str(value)))


def share(window: Window, feature: Feature, value: Value) -> float:
    """How often ``value`` is there, of all that say something of ``feature``."""
    n = window.n(feature)
    return window.counts[feature][value] / n if n else 0.0


def mean(counts: Mapping[float, int]) -> float:
    """The mean of counted numbers."""
    return sum(value * n for value, n in counts.items()) / sum(counts.values())
