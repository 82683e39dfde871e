"""Text that does not stand upright: lines on their side, upside down, and mirrored words.

The detector finds them all. The recogniser reads letters that stand upright, so the pixels of a line that it read badly
are turned and read again: once for each way, for such lines only. Ordinary memes have hardly any and cost no more.
"""

from collections import Counter
from collections.abc import Iterable

from model.ocr.rapid.doubt import is_doubtful
from model.ocr.rapid.line import ReadLine
from model.ocr.turn import UPRIGHT, Turn

#: Upside down first: for a line on its side it is the other side.
FLIPS = (
    Turn(is_flipped_sideways=True, is_flipped_over=True),
    Turn(is_flipped_sideways=True),
    Turn(is_flipped_over=True),
)
# Of 330 drawn lines that were turned, English ones had .985 and more once they stood upright; read the wrong way they
# had .93 and less, and lines of other scripts, whichever way they were turned, had less than this but for a short one.
_SURE = 0.97
_DOUBTFUL, _DOUBTFUL_LETTERS = 0.93, 4
# Where one line was surely turned so, others are believed sooner.
_ONE_OF_SEVERAL = 0.85
_LEAST_LETTERS = 3
# Letters that all were turned in one way, to be taken for the picture's words without a doubt.
_ENOUGH_LETTERS = 8


def may_be_turned(line: ReadLine, short_side_px: int) -> bool:
    """Whether a line was read so badly that it is worth turning."""
    is_low = len(line.letters) >= _DOUBTFUL_LETTERS and line.confidence < _DOUBTFUL
    return is_low or is_doubtful(line, short_side_px)


def may_be_too(line: ReadLine) -> bool:
    """Whether a line is worth turning in a picture where another one was turned."""
    return line.turn == UPRIGHT and line.confidence < _SURE


def is_better(turned: ReadLine, line: ReadLine, *, is_first: bool) -> bool:
    """Whether a line was read better when it was turned; ``is_first``: no other line of the picture was, so far."""
    least = _SURE if is_first else _ONE_OF_SEVERAL
    return turned.confidence >= least and len(turned.letters) >= _LEAST_LETTERS and turned.worth > line.worth


def main_turn(lines: Iterable[ReadLine]) -> tuple[Turn, int]:
    """How most letters of the picture stand, and how many these are."""
    letters: Counter[Turn] = Counter()
    for line in lines:
        letters[_stands(line)] += len(line.letters)
    turn = max(letters, key=lambda turn: (letters[turn], turn == UPRIGHT), default=UPRIGHT)
    return turn, letters[turn]


def is_out_of_line(line: ReadLine, turn: Turn, n_letters: int) -> bool:
    """Whether a turned line is alone in that: letters of other scripts may look like Latin ones when turned."""
    return line.turn != UPRIGHT and (_stands(line) != turn or n_letters < _ENOUGH_LETTERS)


def _stands(line: ReadLine) -> Turn:
    return Turn(line.region.is_vertical, line.turn.is_flipped_sideways, line.turn.is_flipped_over)
