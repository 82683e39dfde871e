"""Comparison of a meme's fingerprint with what is known: is it the same meme, the same picture, or the same words?

- ``same_meme``: the same picture with the same words, or the same words where neither has a picture.
- ``same_picture``: the same picture with other words, as of two memes on one template, or with unknown words.
- ``same_words``: the same words on another picture, or without one.

"The same" is meant as far as ``Distances`` allow: a picture may be cut, scaled or mirrored, words read a letter wrong.
"""

from dataclasses import dataclass
from typing import Literal

from model.known.fingerprint import Fingerprint
from model.known.pdq import MIN_QUALITY, mirrored_hash
from model.known.words import n_letters, words_distance

#: The stronger first.
MatchKind = Literal["same_meme", "same_picture", "same_words"]
#: What a bank asks for about a meme that it knows. "benign": what would have been done about its scores is not.
BankAction = Literal["review", "block", "benign"]
#: Why a part of a fingerprint is no ground for a match: a picture of nearly one colour, words such as "lol".
NoGround = Literal["low_quality", "short_words"]


@dataclass(frozen=True)
class Distances:
    """How far apart two memes may be and count as the same. The defaults are measured: docs/known_distances.md.

    ``picture``: bits of PDQ, 0 to 256, also of the picture mirrored or without a frame; twice as many where the words
    are the same too, so that the picture need say less, as that of a cropped copy does. ``words``: see
    ``words_distance``, 0 to 1.

    Pictures of a lower quality than ``min_quality``, and words of fewer folded letters than ``min_letters``, are no
    ground for a match, unless the file is the same byte for byte.
    """

    picture: int = 40
    words: float = 0.2
    min_quality: int = MIN_QUALITY
    min_letters: int = 10


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """What is known of a meme in a bank. ``sha256`` None: it was given as hashes alone, so that what else is None (its
    picture, its words) is not known; else it has none. ``pdq_quality`` None counts as good."""

    sha256: str | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    words_key: str | None = None

    @classmethod
    def of(cls, fingerprint: Fingerprint) -> "KnownEntry":
        """All that a fingerprint tells."""
        return cls(fingerprint.sha256, fingerprint.pdq, fingerprint.pdq_quality, fingerprint.words_key)


@dataclass(frozen=True)
class Comparison:
    """What was found. ``kind`` None: not the same. Distances are None where one of the two has nothing to compare.

    ``picture_distance`` is the smallest of those of the picture as it is, without the frame around it, and, which
    ``mirrored`` tells, of its mirror image.
    ``no_ground`` says what was there to be compared and yet is no ground for a match.
    """

    kind: MatchKind | None
    picture_distance: int | None = None
    words_distance: float | None = None
    mirrored: bool = False
    no_ground: tuple[NoGround, ...] = ()


def compare(fingerprint: Fingerprint, entry: KnownEntry, distances: Distances) -> Comparison:
    """Hold ``fingerprint`` against one ``entry``. For many entries at once see ``entry_index.py``."""
    same_file = fingerprint.sha256 == entry.sha256
    apart, mirrored = _picture_distance(fingerprint, entry, same_file)
    words_apart = _words_distance(fingerprint, entry)
    weak = _no_ground(fingerprint, entry, distances) if not same_file else ()
    near = 0.0 if "short_words" in weak else distances.words
    same_words = words_apart is not None and words_apart <= near
    is_told = same_words and "short_words" not in weak
    bits = 2 * distances.picture if is_told else distances.picture
    near_picture = apart is not None and apart <= bits and "low_quality" not in weak
    kind = _kind(fingerprint, entry, same_file or near_picture, same_words, "short_words" in weak)
    return Comparison(kind, apart, words_apart, mirrored, weak)


def no_ground(fingerprint: Fingerprint, distances: Distances) -> tuple[NoGround, ...]:
    """What of ``fingerprint`` cannot be a ground for a match, whatever it is compared with, but for the same file."""
    return _no_ground(fingerprint, KnownEntry.of(fingerprint), distances)


def _picture_distance(fingerprint: Fingerprint, entry: KnownEntry, same_file: bool) -> tuple[int | None, bool]:
    if fingerprint.pdq is None or entry.pdq is None:
        return (0 if same_file and fingerprint.pdq is not None else None), False
    entry_pdq = entry.pdq
    as_is = min(_hamming(pdq, entry_pdq) for pdq in (fingerprint.pdq, *fingerprint.pdq_unframed))
    turned = _hamming(_mirror(fingerprint, fingerprint.pdq), entry_pdq)
    return min(as_is, turned), turned < as_is


def picture_hashes(fingerprint: Fingerprint) -> tuple[bytes, ...]:
    """Every hash by which the picture is looked for: as it is, mirrored, without a frame. None of words alone."""
    if fingerprint.pdq is None:
        return ()
    return fingerprint.pdq, _mirror(fingerprint, fingerprint.pdq), *fingerprint.pdq_unframed


def _mirror(fingerprint: Fingerprint, pdq: bytes) -> bytes:
    return fingerprint.pdq_mirrored or mirrored_hash(pdq)


def _words_distance(fingerprint: Fingerprint, entry: KnownEntry) -> float | None:
    if fingerprint.words_key is None or entry.words_key is None:
        return None
    return words_distance(fingerprint.words_key, entry.words_key)


def _no_ground(fingerprint: Fingerprint, entry: KnownEntry, distances: Distances) -> tuple[NoGround, ...]:
    weak: list[NoGround] = []
    if fingerprint.pdq is not None and entry.pdq is not None:
        qualities = [quality for quality in (fingerprint.pdq_quality, entry.pdq_quality) if quality is not None]
        weak += ["low_quality"] if min(qualities, default=100) < distances.min_quality else []
    if fingerprint.words_key is not None and entry.words_key is not None:
        n_least = min(n_letters(fingerprint.words_key), n_letters(entry.words_key))
        weak += ["short_words"] if n_least < distances.min_letters else []
    return tuple(weak)


def _kind(
    fingerprint: Fingerprint, entry: KnownEntry, same_picture: bool, same_words: bool, short_words: bool
) -> MatchKind | None:
    """Which of the three. Short words tell that a picture has the same words, but are no ground by themselves."""
    if same_picture:
        same_file = fingerprint.sha256 == entry.sha256
        neither_has_words = fingerprint.words_key is None and entry.words_key is None and entry.sha256 is not None
        only_one_told = same_file and None in (fingerprint.words_key, entry.words_key)
        return "same_meme" if same_words or neither_has_words or only_one_told else "same_picture"
    if same_words and not short_words:
        words_alone = fingerprint.pdq is None and entry.pdq is None and entry.sha256 is not None
        return "same_meme" if words_alone else "same_words"
    return None


def _hamming(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
