"""Shares with their intervals."""

import math
from dataclasses import dataclass

NORMAL_95 = 1.959963984540054  # of a normal distribution, 95 % lie within


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``, with the 95% score interval (Wilson 1927), which holds for few items and for 0 and 1.

    ``value`` and the interval are None where there are no items.
    """

    hits: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def share(hits: int, n: int) -> Share:
    """What ``hits`` of ``n`` are."""
    if n == 0:
        return Share(0, 0, None, None, None)
    value, z2 = hits / n, NORMAL_95 * NORMAL_95 / n
    middle = (value + z2 / 2) / (1 + z2)
    reach = NORMAL_95 * math.sqrt(value * (1 - value) / n + z2 / (4 * n)) / (1 + z2)
    return Share(hits, n, value, max(0.0, middle - reach), min(1.0, middle + reach))
