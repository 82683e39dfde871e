"""Characters that know where they were written, and NFKC of them."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from model.text.confusables import look_alike

#: A character, and from where to where it was written.
Piece = tuple[str, int, int]


#: Longer ones are left: of one Arabic ligature NFKC makes eighteen letters, and a text of them would take seconds.
_LONGEST_FORM = 6


def runs_of(pieces: Sequence[Piece], belongs: Callable[[str], object]) -> Iterator[Sequence[Piece]]:
    """Each row of pieces that ``belongs`` says belong together, and what stands between rows a piece at a time."""
    begun = 0
    for index, piece in enumerate(pieces):
        if not belongs(piece[0]):
            if begun < index:
                yield pieces[begun:index]
            yield (piece,)
            begun = index + 1
    if begun < len(pieces):
        yield pieces[begun:]


def composed(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """NFKC, cluster by cluster; what comes out of a cluster was written where the whole cluster was."""
    cluster: list[Piece] = []
    text = ""
    for piece in pieces:
        if cluster and not _joins(text, piece[0]):
            yield from _normalised(cluster, text)
            cluster, text = [], ""
        cluster.append(piece)
        text += piece[0]
    yield from _normalised(cluster, text)


def _normalised(cluster: list[Piece], text: str) -> Iterable[Piece]:
    if text.isascii():
        return cluster
    if len(cluster) == 1:
        (_, start, end) = cluster[0]
        return [(new, start, end) for new in compatible(text)]
    start, end = min([piece[1] for piece in cluster]), max([piece[2] for piece in cluster])
    return [(new, start, end) for new in unicodedata.normalize("NFKC", text)]


@lru_cache(maxsize=16384)
def compatible(char: str) -> str:
    """NFKC of one character, unless it is very long, or hides what the character looks like."""
    form = unicodedata.normalize("NFKC", char)
    hides = len(form) == 1 and form != char and look_alike(char) and not (form.isascii() or look_alike(form))
    return char if hides or len(form) > _LONGEST_FORM else form


def _joins(cluster: str, char: str) -> bool:
    """True when NFKC makes something else of the two together than of each alone."""
    if char.isascii():
        return False
    if _begins_with_mark(char):
        return True
    return len(cluster) < _LONGEST_JOINED and _joins_letters(cluster, char)


#: Letters join in threes at most (a syllable of Hangul); only marks join without end.
_LONGEST_JOINED = 32


@lru_cache(maxsize=16384)
def _begins_with_mark(char: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", char)[0]) != 0


@lru_cache(maxsize=16384)
def _joins_letters(cluster: str, char: str) -> bool:
    apart = [unicodedata.normalize("NFKC", part) for part in (cluster, char)]
    return unicodedata.normalize("NFKC", cluster + char) != "".join(apart)


def clusters(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Each character with the marks that stand on it."""
    cluster: list[Piece] = []
    for piece in pieces:
        if cluster and not is_mark(piece[0]):
            yield cluster
            cluster = []
        cluster.append(piece)
    if cluster:
        yield cluster


@lru_cache(maxsize=16384)
def is_mark(char: str) -> bool:
    """True for accents, vowel signs, strokes through and frames around the character before."""
    return unicodedata.category(char)[0] == "M"


def without_stacked_marks(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Characters of ASCII, and symbols, without the marks that NFKC left beside them, without any if they are a heap.

    What is left is no letter of an alphabet but a stroke, a frame or a heap. Keycaps of digits stay but within words:
    they are emoji.
    """
    if not any(map(is_mark, {piece[0] for piece in pieces})):
        return pieces
    found: list[Piece] = []
    whole = list(clusters(pieces))
    for cluster, after in zip(whole, [*whole[1:], []], strict=True):
        in_word = any(piece[0].isalpha() for piece in (*found[-1:], *after[:1]))
        found += cluster if len(cluster) == 1 or (_is_keycap(cluster) and not in_word) else _unstacked(cluster)
    return found


def _is_keycap(cluster: list[Piece]) -> bool:
    return len(cluster) == 2 and cluster[1][0] == _KEYCAP and not cluster[0][0].isalpha()


def _unstacked(cluster: list[Piece]) -> Sequence[Piece]:
    (char, start, _), marks = cluster[0], [piece[0] for piece in cluster[1:]]
    base = unicodedata.normalize("NFD", char)[0]
    if not (base.isascii() or unicodedata.category(base) in _SYMBOLS_AND_SPACES):
        return cluster
    is_heap = len(marks) > 1 or unicodedata.combining(marks[0]) in _DRAWN_OVER
    return [(base if is_heap else char, start, max(piece[2] for piece in cluster))]


_KEYCAP = "\u20e3"
_SYMBOLS_AND_SPACES = frozenset(("So", "Cc", "Zs", "Zl", "Zp"))
#: Classes of a frame around, and of a stroke through, the character.
_DRAWN_OVER = (0, 1)
