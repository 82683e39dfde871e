"""One list of words from several readings of the same picture."""

from collections.abc import Iterable

from model.ocr.boxes import containment
from model.ocr.types import OcrWord

# Two words that share this much of the smaller one's box are readings of the same ink.
SAME_PLACE = 0.5


def merge_by_place(readings: Iterable[Iterable[OcrWord]]) -> list[OcrWord]:
    """Keep, wherever words overlap, the most confident one; of equals the longer, then the first in the list.

    Greedy from the most confident word down, as in non-maximum suppression. No two words of the answer are in the
    same place. Most confident first: the caller puts them in reading order.
    """
    words = [word for reading in readings for word in reading]
    kept: list[OcrWord] = []
    for word in sorted(words, key=lambda word: (-word.confidence, -len(word.text))):
        if all(containment(word.box, other.box) < SAME_PLACE for other in kept):
            kept.append(word)
    return kept
