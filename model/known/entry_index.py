"""Index of known entries: which of a million a fingerprint matches, and how.

All that is known of an entry is a column of one table of 64-bit words, 104 bytes with its key; those of pictures, files
and words are looked through one after the other, and what may match is compared (``matching.compare``).
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from model.known.fingerprint import Fingerprint
from model.known.matching import Comparison, Distances, KnownEntry, MatchKind, compare, no_ground, picture_hashes
from model.known.packed_hashes import BLOCK, Table, Words, distances_to, packed
from model.known.pdq import N_BITS, N_BYTES
from model.known.words import KEY_BYTES, SKETCH_BYTES, bits_of_distance, digest_of, sketch_of

_KINDS: tuple[MatchKind, ...] = get_args(MatchKind)
_FILE_BYTES = 32
_NO_QUALITY = 255
_ROW_BYTES = 96
#: Rows of the table: the picture's hash, the file's digest, the sketch and the digest of the words. In the last are the
#: number of letters, whether there is a picture, a file, words, and the quality.
_PICTURE, _FILE, _SKETCH, _WORDS = slice(0, 4), slice(4, 8), slice(8, 10), slice(10, 11)
_TOLD = 11
#: Bits of that last word. What is not there is kept as zeros, to which a picture of one colour may hash too.
_HAS_PICTURE, _HAS_FILE, _HAS_WORDS = (np.uint64(1 << bit) for bit in (8, 16, 24))


class EntryMatch(NamedTuple):
    """An entry that was found, by the key under which it was added; ``comparison.kind`` is never None."""

    key: int
    comparison: Comparison


class EntryIndex:
    """Entries, each under a whole number of 64 bits. Distances come with each question, since each bank has its own.

    Questions are safe while one other thread changes it: they see it as it was before or after.
    """

    def __init__(self) -> None:
        self._table = Table.empty(_ROW_BYTES)

    def __len__(self) -> int:
        return self._table.n

    def add(self, entries: Mapping[int, KnownEntry]) -> None:
        """Add ``entries`` by their keys; what was there under one of them is replaced. Many at once cost little more.

        Raises ``ValueError``, and changes nothing, for a digest, hash or key of words that is none.
        """
        rows = packed([_row(entry) for entry in entries.values()], _ROW_BYTES)
        keys = np.fromiter(entries, np.int64, len(entries))
        self._table = self._table.but(keys).and_also(rows, keys)

    def remove(self, keys: Iterable[int]) -> int:
        """Remove what was added under ``keys``; unknown ones are passed over. How many were there."""
        before = len(self)
        self._table = self._table.but(np.fromiter(keys, np.int64))
        return before - len(self)

    def matches(self, fingerprint: Fingerprint, distances: Distances) -> list[EntryMatch]:
        """Every entry that ``fingerprint`` matches within ``distances``: by kind, the stronger first, then the nearest,
        then by key."""
        table = self._table
        found = []
        for column in _candidates(table, fingerprint, distances).tolist():
            comparison = compare(fingerprint, _entry(table.words[:, column]), distances)
            if comparison.kind is not None:
                found.append(EntryMatch(int(table.keys[column]), comparison))
        return sorted(found, key=_order)


def _candidates(table: Table, fingerprint: Fingerprint, distances: Distances) -> NDArray[np.intp]:
    """Columns of ``table`` that may match, as far as single parts tell: some more than do."""
    ways = () if "low_quality" in no_ground(fingerprint, distances) else picture_hashes(fingerprint)
    asked = [(_PICTURE, way, distances.picture, _HAS_PICTURE) for way in packed(ways).T]
    asked.append((_FILE, packed([_digest(fingerprint.sha256)], _FILE_BYTES)[:, 0], 0, _HAS_FILE))
    if fingerprint.words_key is not None:
        sketch, digest = sketch_of(fingerprint.words_key), digest_of(fingerprint.words_key)
        asked.append((_SKETCH, packed([sketch], len(sketch))[:, 0], bits_of_distance(distances.words), _HAS_WORDS))
        asked.append((_WORDS, packed([digest], len(digest))[:, 0], 0, _HAS_WORDS))
    found = []
    for start in range(0, table.n, BLOCK):
        block = table.words[:, start : min(start + BLOCK, table.n)]
        near = [
            (distances_to(block[rows], value) <= bits) & (block[_TOLD] & is_there != 0)
            for rows, value, bits, is_there in asked
        ]
        found.append(np.flatnonzero(np.logical_or.reduce(near)) + start)
    return np.concatenate(found) if found else np.empty(0, np.intp)


def _row(entry: KnownEntry) -> bytes:
    pdq = entry.pdq or bytes(N_BYTES)
    file = bytes(_FILE_BYTES) if entry.sha256 is None else _digest(entry.sha256)
    words = bytes(KEY_BYTES) if entry.words_key is None else bytes.fromhex(entry.words_key)
    if len(pdq) != N_BYTES or len(words) != KEY_BYTES:
        raise ValueError(
            f"a PDQ hash has {N_BYTES} bytes, not {len(pdq)}; a key of words {KEY_BYTES}, not {len(words)}"
        )
    quality = _NO_QUALITY if entry.pdq_quality is None else entry.pdq_quality
    there = bytes([entry.pdq is not None, entry.sha256 is not None, entry.words_key is not None, quality])
    # The sketch is the end of a key. It stands first here, so that it is whole words of the table.
    row = pdq + file + words[-SKETCH_BYTES:] + words[:-SKETCH_BYTES] + there
    return row.ljust(_ROW_BYTES, b"\0")


def _entry(column: Words) -> KnownEntry:
    row = column.tobytes()
    pdq, file, rest = row[:N_BYTES], row[N_BYTES : N_BYTES + _FILE_BYTES], row[N_BYTES + _FILE_BYTES :]
    has_pdq, has_file, has_words, quality = rest[KEY_BYTES : KEY_BYTES + 4]
    return KnownEntry(
        file.hex() if has_file else None,
        pdq if has_pdq else None,
        None if quality == _NO_QUALITY else quality,
        (rest[SKETCH_BYTES:KEY_BYTES] + rest[:SKETCH_BYTES]).hex() if has_words else None,
    )


def _digest(sha256: str) -> bytes:
    digest = bytes.fromhex(sha256)
    if len(digest) != _FILE_BYTES:
        raise ValueError(f"a sha256 has {_FILE_BYTES} bytes, not {len(digest)}")
    return digest


def _order(match: EntryMatch) -> tuple[int, int, float, int]:
    """By kind, bits of the picture, distance of the words, key; what is not known comes last."""
    found = match.comparison
    kind = _KINDS.index(found.kind) if found.kind is not None else len(_KINDS)
    picture = N_BITS if found.picture_distance is None else found.picture_distance
    return kind, picture, 1.0 if found.words_distance is None else found.words_distance, match.key
