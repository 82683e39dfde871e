"""Index of known entries: which of a million a fingerprint matches, and how."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, get_args

from model.known.fingerprint import Fingerprint
from model.known.hash_index import HashIndex
from model.known.matching import Comparison, Distances, KnownEntry, MatchKind, compare, picture_hashes
from model.known.pdq import N_BITS
from model.known.words import SKETCH_BYTES, bits_of_distance, sketch_of

_KINDS: tuple[MatchKind, ...] = get_args(MatchKind)


class EntryMatch(NamedTuple):
    """An entry that was found, by the key under which it was added; ``comparison.kind`` is never None."""

    key: int
    comparison: Comparison


class EntryIndex:
    """Entries, each under a whole number of 64 bits. Distances come with each question, since each bank has its own.

    One thread may change it while others ask: they may see a change of several entries in part.
    """

    def __init__(self) -> None:
        self._entries: dict[int, KnownEntry] = {}
        self._files: dict[str, set[int]] = {}
        self._pictures = HashIndex()
        self._words = HashIndex(SKETCH_BYTES)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Mapping[int, KnownEntry]) -> None:
        """Add ``entries`` by their keys; what was there under one of them is replaced. Many at once cost least."""
        self.remove(entries)
        self._entries.update(entries)
        for key, entry in entries.items():
            if entry.sha256 is not None:
                self._files.setdefault(entry.sha256, set()).add(key)
        pictures = {key: entry.pdq for key, entry in entries.items() if entry.pdq is not None}
        self._pictures.add(list(pictures), list(pictures.values()))
        words = {key: sketch_of(entry.words_key) for key, entry in entries.items() if entry.words_key is not None}
        self._words.add(list(words), list(words.values()))

    def remove(self, keys: Iterable[int]) -> int:
        """Remove what was added under ``keys``; unknown ones are passed over. How many were there."""
        gone = {key: self._entries[key] for key in keys if key in self._entries}
        if not gone:
            return 0
        self._pictures.remove(gone)
        self._words.remove(gone)
        for key, entry in gone.items():
            del self._entries[key]
            if entry.sha256 is not None:
                self._files[entry.sha256].discard(key)
                if not self._files[entry.sha256]:
                    del self._files[entry.sha256]
        return len(gone)

    def matches(self, fingerprint: Fingerprint, distances: Distances) -> list[EntryMatch]:
        """Every entry that ``fingerprint`` matches within ``distances``: by kind, the stronger first, then the nearest,
        then by key."""
        found = []
        for key in self._candidates(fingerprint, distances):
            entry = self._entries.get(key)
            comparison = compare(fingerprint, entry, distances) if entry is not None else None
            if comparison is not None and comparison.kind is not None:
                found.append(EntryMatch(key, comparison))
        return sorted(found, key=_order)

    def _candidates(self, fingerprint: Fingerprint, distances: Distances) -> set[int]:
        keys = set(self._files.get(fingerprint.sha256, ()))
        for hits in self._pictures.query_many(picture_hashes(fingerprint), distances.picture):
            keys.update(hit.key for hit in hits)
        if fingerprint.words_key is not None:
            hits = self._words.query(sketch_of(fingerprint.words_key), bits_of_distance(distances.words))
            keys.update(hit.key for hit in hits)
        return keys


def _order(match: EntryMatch) -> tuple[int, int, float, int]:
    """By kind, bits of the picture, distance of the words, key; what is not known comes last."""
    found = match.comparison
    kind = _KINDS.index(found.kind) if found.kind is not None else len(_KINDS)
    picture = N_BITS if found.picture_distance is None else found.picture_distance
    return kind, picture, 1.0 if found.words_distance is None else found.words_distance, match.key
