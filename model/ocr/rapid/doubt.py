"""Whether a line that the detector found was read. What was not is told as unread, and means review.

The detector finds text in any script; the recogniser knows Latin, Chinese and Japanese. Of other scripts it makes
blanks, a few letters of low confidence, or, of capitals, letters that look alike. But icons and textures are found as
well. So a line counts as unread only where it is long enough to be words and the detector is sure of it.
``benchmarks/ocr_partial.py`` measures how often that is so for real memes and for drawn lines of other scripts.
"""

from itertools import pairwise

from model.ocr.rapid.line import ReadLine

#: Nobody reads smaller letters (height of the whole line in pixels).
_LEAST_HEIGHT_PX = 12
#: A line that is not told: the detector's least score, by the line's length in heights.
_LONG_ASPECT, _LONG_SCORE = 3.0, 0.65
_SHORT_ASPECT, _SHORT_SCORE = 2.0, 0.72
#: What is shorter and fills the picture is a picture.
_LARGEST_SHARE = 0.5
#: A line that is told, but with doubt: a word or more, found for sure, of less confidence than English has.
_LOW_CONFIDENCE, _LOW_SCORE, _LOW_LETTERS = 0.88, 0.78, 4
#: A stretch of a line without a letter, in heights: a word of four or five letters. Columns are lines of their own.
_LONGEST_GAP = 2.5
#: Capitals that Latin shares with Cyrillic and with Greek. Few English lines that long have no other letter.
_CYRILLIC_TOO, _GREEK_TOO = frozenset("ABCEHIKMOPTXY"), frozenset("ABEHIKMNOPTXYZ")
_ALIKE_LETTERS = ((_CYRILLIC_TOO, 9, 5), (_GREEK_TOO, 12, 6))


def is_doubtful(line: ReadLine, short_side_px: int) -> bool:
    """Whether people would read something else than was read; ``short_side_px`` is the picture's."""
    if line.region.height_px < _LEAST_HEIGHT_PX:
        return False
    if not (line.is_sure and line.letters):
        return _is_long_and_sure(line, short_side_px)
    return (
        _has_low_confidence(line)
        or _longest_gap(line) >= _LONGEST_GAP
        or any(_is_greek(letter.char) for letter in line.letters)
        or _is_of_lookalikes(line)
    )


def _is_long_and_sure(line: ReadLine, short_side_px: int) -> bool:
    region = line.region
    if region.aspect >= _LONG_ASPECT:
        return region.score >= _LONG_SCORE
    is_small = region.height_px <= _LARGEST_SHARE * short_side_px
    return is_small and region.aspect >= _SHORT_ASPECT and region.score >= _SHORT_SCORE


def _has_low_confidence(line: ReadLine) -> bool:
    n_letters = sum(letter.char.isalnum() for letter in line.letters)
    return line.confidence < _LOW_CONFIDENCE and line.region.score >= _LOW_SCORE and n_letters >= _LOW_LETTERS


def _longest_gap(line: ReadLine) -> float:
    positions = (0.0, *(letter.position for letter in line.letters), 1.0)
    return max(after - before for before, after in pairwise(positions)) * line.region.aspect


def _is_greek(char: str) -> bool:
    return "\u0370" <= char <= "\u03ff" or "\u1f00" <= char <= "\u1fff"


def _is_of_lookalikes(line: ReadLine) -> bool:
    letters = [letter.char for letter in line.letters if letter.char.isalpha()]
    return any(
        len(letters) >= n_letters and len(set(letters)) >= n_different and alike.issuperset(letters)
        for alike, n_letters, n_different in _ALIKE_LETTERS
    )
