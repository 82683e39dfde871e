"""A shadow and what is in force against what reviewers say, on the same memes."""

import math
from collections import Counter
from dataclasses import dataclass

from serving.review.figures.shares import Share, share


@dataclass(frozen=True)
class AgainstLabels:
    """How often a decision was right: harmful memes stopped, harmless ones let pass.

    ``false_alarms`` are of the harmless memes those that were stopped, ``misses`` of the harmful ones those allowed.
    """

    right: Share
    false_alarms: Share
    misses: Share


@dataclass(frozen=True)
class Labelled:
    """Both on the ``n`` memes that have labels.

    ``only_in_force`` were right in force and wrong in the shadow, ``only_shadow`` the other way round. ``p_value`` is
    of McNemar's exact test (1947): that both are wrong equally often.
    """

    n: int
    in_force: AgainstLabels
    shadow: AgainstLabels
    only_in_force: int
    only_shadow: int
    p_value: float


class LabelCounts:
    """Counts both while rows come."""

    def __init__(self) -> None:
        #: By (harmless, stopped in force, stopped in the shadow).
        self._cells: Counter[tuple[bool, bool, bool]] = Counter()

    def add(self, *, harmless: bool, in_force: bool, shadow: bool) -> None:
        """One labelled meme, and who stops it."""
        self._cells[harmless, in_force, shadow] += 1

    def found(self) -> Labelled:
        """What came of it."""
        # Right: what is harmful is stopped, and what is harmless is not.
        rights: Counter[tuple[bool, bool]] = Counter()
        for (harmless, in_force, shadow), n in self._cells.items():
            rights[in_force != harmless, shadow != harmless] += n
        only_in_force, only_shadow = rights[True, False], rights[False, True]
        return Labelled(
            self._cells.total(),
            self._against(1),
            self._against(2),
            only_in_force,
            only_shadow,
            exact_mcnemar(only_in_force, only_shadow),
        )

    def _against(self, who: int) -> AgainstLabels:
        n: Counter[tuple[bool, bool]] = Counter()
        for cell, count in self._cells.items():
            n[cell[0], cell[who]] += count
        n_harmless, n_harmful = n[True, True] + n[True, False], n[False, True] + n[False, False]
        right = n[True, False] + n[False, True]
        return AgainstLabels(
            share(right, n_harmless + n_harmful), share(n[True, True], n_harmless), share(n[False, False], n_harmful)
        )


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p value of so many pairs in which one of two was right and the other wrong; 1 without any."""
    n = only_first + only_second
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    # Of whole numbers: a quotient of floats would be none for some thousand pairs.
    return min(1.0, 2 * tail / (1 << n))
