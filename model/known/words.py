"""Key of the words of a meme: short, fit to be kept where the words themselves may not be, and comparable.

Words are folded to their letters first, so that case, spaces, punctuation and the disguises that word lists see through
(``text/readings.py``) make no difference; their order does. A key holds a digest, which tells whether two texts are the
same, and a sketch (Charikar's simhash of the letters by threes), which tells how nearly: OCR misses a letter or two.

It is no secret: who guesses the words can make their key and see that it is the same.
"""

import hashlib
import math
import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from itertools import groupby

import numpy as np

from model.text.readings import plainest

SKETCH_BITS = 128
SKETCH_BYTES = SKETCH_BITS // 8
_DIGEST_BYTES = 8
_MAX_LETTERS_TOLD = 255
_GRAM = 3
#: Digest, number of letters, sketch.
KEY_BYTES = _DIGEST_BYTES + 1 + SKETCH_BYTES
_KEY = re.compile(rf"[0-9a-f]{{{2 * KEY_BYTES}}}")
#: Letters that are written for each other, by people and by OCR: one stands for all.
_ONE_FOR_ALL = str.maketrans("01l", "oii")
#: Words read backwards are the same from this many letters on, as for word lists.
_SHORTEST_REVERSED = 5
#: By bits in which sketches differ: 1 less the cosine that they tell of. Words whose digests differ are never 0 apart.
_DISTANCES = [
    min(1.0, max(1 / SKETCH_BITS, 1 - math.cos(math.pi * bits / SKETCH_BITS))) for bits in range(SKETCH_BITS + 1)
]


def words_key(text: str | None) -> str | None:
    """Key of ``text``: 50 hexadecimal digits. None for no words: nothing given, or no letter, digit or emoji in it."""
    letters = folded_letters(text or "")
    if not letters:
        return None
    either_way = min(letters, letters[::-1]) if len(letters) >= _SHORTEST_REVERSED else letters
    digest = hashlib.sha256(either_way.encode()).digest()[:_DIGEST_BYTES]
    return (digest + bytes([min(len(letters), _MAX_LETTERS_TOLD)]) + _sketch(letters)).hex()


def is_words_key(text: str) -> bool:
    """Whether ``text`` may be what ``words_key`` gave: 50 hexadecimal digits in small letters."""
    return _KEY.fullmatch(text) is not None


def n_letters(key: str) -> int:
    """Letters of the folded words, up to 255."""
    return bytes.fromhex(key)[_DIGEST_BYTES]


def digest_of(key: str) -> bytes:
    """The 8 bytes of a key that are the same for the same words alone, backwards too."""
    return bytes.fromhex(key)[:_DIGEST_BYTES]


def sketch_of(key: str) -> bytes:
    """The 16 bytes of a key in which near-same words have most bits the same."""
    return bytes.fromhex(key)[_DIGEST_BYTES + 1 :]


def words_distance(key: str, other: str) -> float:
    """0 for the same words, about 1 less the cosine of their letters by threes for others: 1 for nothing in common."""
    if key[: 2 * _DIGEST_BYTES] == other[: 2 * _DIGEST_BYTES]:
        return 0.0
    return distance_of_bits((int.from_bytes(sketch_of(key)) ^ int.from_bytes(sketch_of(other))).bit_count())


def distance_of_bits(n_bits: int) -> float:
    """Distance of different words whose sketches differ in ``n_bits``."""
    return _DISTANCES[n_bits]


def bits_of_distance(distance: float) -> int:
    """The most bits in which sketches of words differ that are at most ``distance`` apart."""
    return max(0, bisect_right(_DISTANCES, distance) - 1)


def folded_letters(text: str) -> str:
    """Letters, digits and emoji of ``text`` in their plainest form, each run of the same one once."""
    read = plainest(text).readings()[-1].translate(_ONE_FOR_ALL)
    return "".join(char for char, _ in groupby(char for char in read if _is_kept(char)))


def _is_kept(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LMN" or category == "So"


def _sketch(letters: str) -> bytes:
    """A bit for each of 128 random directions: on which side of it the counts of the letters by threes lie."""
    padded = f" {letters} "
    grams = Counter(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
    digests = b"".join(hashlib.blake2b(gram.encode(), digest_size=SKETCH_BYTES).digest() for gram in grams)
    directions = np.unpackbits(np.frombuffer(digests, np.uint8)).reshape(-1, SKETCH_BITS)
    counts = np.array(list(grams.values()))
    return np.packbits(2 * (counts @ directions) > counts.sum()).tobytes()
