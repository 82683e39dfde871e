"""A game of words and regions: its players can each be shown or hidden, and its worth is what the network then says.

Whatever explains a score asks a ``Game`` alone and knows nothing of networks, so that it can be held to small games
whose answers are known. Words and regions that are no players are always shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.parts.windows import Span

#: bool [N, W + R], a row a way of hiding: True for each word, then each region, that is shown. Gives by binary task the
#: score of each row, [N].
Game = Callable[[NDArray[np.bool_]], dict[str, NDArray[np.float64]]]


class Region(NamedTuple):
    """A rectangle of a picture, in shares of its width and height: 0 is its left or upper edge, 1 the other."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Players:
    """Who can be hidden, in the order of a game's columns: W ``words`` of the text, then R ``regions`` of the picture.

    Spans are in characters, do not overlap and come in the order of the text.
    """

    words: tuple[Span, ...] = ()
    regions: tuple[Region, ...] = ()

    @property
    def count(self) -> int:
        """W + R."""
        return len(self.words) + len(self.regions)

    def shown(self, rows: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows [N, W + R] as those of the words [N, W] and of the regions [N, R]."""
        return rows[:, : len(self.words)], rows[:, len(self.words) :]


def text_with(text: str, words: Sequence[Span], shown: NDArray[np.bool_]) -> str:
    """``text`` without the words that are not ``shown`` [W]; what stands between words stays."""
    kept, at = [], 0
    for (start, end), is_shown in zip(words, shown, strict=True):
        if not is_shown:
            kept.append(text[at:start])
            at = end
    return "".join([*kept, text[at:]])
