import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.known.entry_index import EntryIndex, EntryMatch
from model.known.fingerprint import Fingerprint
from model.known.matching import Comparison, Distances, KnownEntry, MatchKind, NoGround, compare, no_ground
from model.known.packed_hashes import BLOCK
from model.known.pdq import N_BYTES, mirrored_hash
from model.known.words import words_key

PICTURE = bytes(range(32))
OTHER_PICTURE = bytes(255 - 3 * at for at in range(32))
WORDS = words_key("nobody expects a second meme on monday")
OTHER_WORDS = words_key("completely other things were written here")
NEAR_WORDS = words_key("nobody expects a second meme on nonday")
SHORT = words_key("lol")
DISTANCES = Distances(picture=31, words=0.2, min_quality=50, min_letters=8)

A, B, C = (letter * 64 for letter in "abc")
MEME = Fingerprint(A, PICTURE, 100, WORDS)


def flipped(value: bytes, n_bits: int) -> bytes:
    return (int.from_bytes(value) ^ ((1 << n_bits) - 1)).to_bytes(len(value))


def kind(fingerprint: Fingerprint, entry: KnownEntry, distances: Distances = DISTANCES) -> MatchKind | None:
    return compare(fingerprint, entry, distances).kind


@pytest.mark.parametrize(
    ("meme", "entry", "expected"),
    [
        # Both with words: the picture decides, then the words.
        (Fingerprint(B, PICTURE, 100, WORDS), KnownEntry.of(MEME), "same_meme"),
        (Fingerprint(B, flipped(PICTURE, 31), 100, NEAR_WORDS), KnownEntry.of(MEME), "same_meme"),
        (Fingerprint(B, PICTURE, 100, OTHER_WORDS), KnownEntry.of(MEME), "same_picture"),
        (Fingerprint(B, flipped(PICTURE, 62), 100, NEAR_WORDS), KnownEntry.of(MEME), "same_meme"),
        (Fingerprint(B, flipped(PICTURE, 63), 100, WORDS), KnownEntry.of(MEME), "same_words"),
        (Fingerprint(B, flipped(PICTURE, 32), 100, OTHER_WORDS), KnownEntry.of(MEME), None),
        (Fingerprint(B, flipped(PICTURE, 32), 100, SHORT), KnownEntry(C, PICTURE, 100, SHORT), None),
        (Fingerprint(B, OTHER_PICTURE, 100, NEAR_WORDS), KnownEntry.of(MEME), "same_words"),
        (Fingerprint(B, OTHER_PICTURE, 100, OTHER_WORDS), KnownEntry.of(MEME), None),
        # A blank template, and a meme whose words nobody read.
        (Fingerprint(B, PICTURE, 100, None), KnownEntry.of(MEME), "same_picture"),
        (MEME, KnownEntry(C, PICTURE, 100, None), "same_picture"),
        (Fingerprint(B, PICTURE, 100, None), KnownEntry(C, PICTURE, 100, None), "same_meme"),
        # Words alone.
        (Fingerprint(B, words_key=WORDS), KnownEntry.of(MEME), "same_words"),
        (Fingerprint(B, words_key=WORDS), KnownEntry(C, words_key=NEAR_WORDS), "same_meme"),
        (Fingerprint(B, words_key=WORDS), KnownEntry(words_key=WORDS), "same_words"),
        (Fingerprint(B, words_key=WORDS), KnownEntry(C, words_key=OTHER_WORDS), None),
        # Hashes alone: whether it had words is not known.
        (Fingerprint(B, PICTURE, 100, None), KnownEntry(pdq=PICTURE), "same_picture"),
        (MEME, KnownEntry(pdq=PICTURE), "same_picture"),
        (MEME, KnownEntry(pdq=PICTURE, words_key=WORDS), "same_meme"),
        (MEME, KnownEntry(pdq=OTHER_PICTURE), None),
        (MEME, KnownEntry(A), "same_meme"),
        # The same file, whatever else is known of it.
        (MEME, KnownEntry(A, OTHER_PICTURE, 100, WORDS), "same_meme"),
        (replace(MEME, words_key=None), KnownEntry.of(MEME), "same_meme"),
        (replace(MEME, words_key=OTHER_WORDS), KnownEntry.of(MEME), "same_picture"),
        (Fingerprint(B, words_key=SHORT), KnownEntry(B, words_key=SHORT), "same_meme"),
        (Fingerprint(B), KnownEntry(B), "same_meme"),
        (Fingerprint(B), KnownEntry(C), None),
    ],
)
def test_it_is_told_which_of_three_a_match_is(meme: Fingerprint, entry: KnownEntry, expected: MatchKind | None) -> None:
    assert kind(meme, entry) == expected


@pytest.mark.parametrize(
    ("meme", "entry", "expected", "weak"),
    [
        (Fingerprint(B, PICTURE, 49, WORDS), KnownEntry.of(MEME), "same_words", ("low_quality",)),
        (MEME, KnownEntry(C, PICTURE, 49, OTHER_WORDS), None, ("low_quality",)),
        (Fingerprint(B, PICTURE, 50, WORDS), KnownEntry(C, PICTURE, None, WORDS), "same_meme", ()),
        (replace(MEME, pdq_quality=0), KnownEntry(A, PICTURE, 0, WORDS), "same_meme", ()),
        (Fingerprint(B, OTHER_PICTURE, 100, SHORT), KnownEntry(C, PICTURE, 100, SHORT), None, ("short_words",)),
        (Fingerprint(B, PICTURE, 100, SHORT), KnownEntry(C, PICTURE, 100, SHORT), "same_meme", ("short_words",)),
        (Fingerprint(B, words_key=SHORT), KnownEntry(C, words_key=SHORT), None, ("short_words",)),
        (
            Fingerprint(B, PICTURE, 0, SHORT),
            KnownEntry(C, PICTURE, 100, SHORT),
            None,
            ("low_quality", "short_words"),
        ),
    ],
)
def test_what_tells_too_little_is_no_ground_and_is_named(
    meme: Fingerprint, entry: KnownEntry, expected: MatchKind | None, weak: tuple[NoGround, ...]
) -> None:
    comparison = compare(meme, entry, DISTANCES)
    assert (comparison.kind, comparison.no_ground) == (expected, weak)


def test_what_of_a_meme_is_no_ground_is_told_without_an_entry() -> None:
    assert no_ground(MEME, DISTANCES) == ()
    assert no_ground(Fingerprint(B, PICTURE, 12, SHORT), DISTANCES) == ("low_quality", "short_words")
    assert no_ground(Fingerprint(B), DISTANCES) == ()


def test_distances_are_told_whether_or_not_they_are_within_bounds() -> None:
    far = Fingerprint(B, flipped(PICTURE, 100), 100, OTHER_WORDS)
    comparison = compare(far, KnownEntry.of(MEME), DISTANCES)
    assert comparison.kind is None
    assert comparison.picture_distance == 100
    assert comparison.words_distance is not None
    assert comparison.words_distance > 0.4
    assert compare(MEME, KnownEntry.of(MEME), DISTANCES) == Comparison("same_meme", 0, 0.0)


def test_a_mirrored_picture_is_the_same_picture_and_is_told_to_be_mirrored() -> None:
    mirrored = Fingerprint(B, mirrored_hash(PICTURE), 100, WORDS)
    found = compare(mirrored, KnownEntry.of(MEME), DISTANCES)
    assert (found.kind, found.picture_distance, found.mirrored) == ("same_meme", 0, True)
    exact = replace(MEME, sha256=B, pdq=OTHER_PICTURE, pdq_mirrored=flipped(PICTURE, 3))
    found = compare(exact, KnownEntry.of(MEME), DISTANCES)
    assert (found.kind, found.picture_distance, found.mirrored) == ("same_meme", 3, True)


def test_a_picture_is_looked_for_without_its_frame() -> None:
    in_frame = Fingerprint(B, OTHER_PICTURE, 100, WORDS, pdq_unframed=(flipped(PICTURE, 5),))
    found = compare(in_frame, KnownEntry.of(MEME), DISTANCES)
    assert (found.kind, found.picture_distance, found.mirrored) == ("same_meme", 5, False)


_KEYS = st.sampled_from([None, WORDS, OTHER_WORDS, NEAR_WORDS, SHORT])
#: Kept where there is nothing. A picture of one colour may hash to them too, and a caller may send them.
_ZEROS = bytes(32)
_HASHES = st.one_of(
    st.none(), st.just(_ZEROS), st.builds(flipped, st.sampled_from([PICTURE, OTHER_PICTURE]), st.integers(0, 70))
)
_QUALITIES = st.sampled_from([0, 49, 50, 100])
_FILES = st.sampled_from([A, B, C, _ZEROS.hex()])
FINGERPRINTS = st.builds(Fingerprint, _FILES, _HASHES, _QUALITIES, _KEYS)
ENTRIES = st.builds(KnownEntry, st.one_of(st.none(), _FILES), _HASHES, st.one_of(st.none(), _QUALITIES), _KEYS)


@given(FINGERPRINTS, st.lists(ENTRIES, max_size=8), st.integers(0, 60), st.floats(0, 0.6))
def test_an_index_finds_what_comparing_with_each_entry_finds(
    meme: Fingerprint, entries: list[KnownEntry], picture: int, words: float
) -> None:
    distances = replace(DISTANCES, picture=picture, words=words)
    index = EntryIndex()
    index.add(dict(enumerate(entries)))
    found = index.matches(meme, distances)
    each = {key: compare(meme, entry, distances) for key, entry in enumerate(entries)}
    assert dict(found) == {key: comparison for key, comparison in each.items() if comparison.kind is not None}
    order = [("same_meme", "same_picture", "same_words").index(str(match.comparison.kind)) for match in found]
    assert order == sorted(order)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), ENTRIES), max_size=12), FINGERPRINTS)
def test_an_index_forgets_what_was_removed_or_replaced(
    changes: list[tuple[bool, int, KnownEntry]], meme: Fingerprint
) -> None:
    index, model = EntryIndex(), dict[int, KnownEntry]()
    for added, key, entry in changes:
        if added:
            index.add({key: entry})
            model[key] = entry
        else:
            assert index.remove([key]) == (model.pop(key, None) is not None)
    fresh = EntryIndex()
    fresh.add(model)
    assert len(index) == len(model)
    assert index.matches(meme, DISTANCES) == fresh.matches(meme, DISTANCES)


def test_words_that_are_written_backwards_are_found() -> None:
    index = EntryIndex()
    index.add({1: KnownEntry.of(MEME)})
    backwards = Fingerprint(B, words_key=words_key("nobody expects a second meme on monday"[::-1]))
    assert [match.comparison for match in index.matches(backwards, DISTANCES)] == [Comparison("same_words", None, 0.0)]


def test_the_nearest_of_a_kind_comes_first() -> None:
    index = EntryIndex()
    entries = {at: KnownEntry(pdq=flipped(PICTURE, 20 - at)) for at in range(10)}
    index.add(entries | {50: KnownEntry.of(MEME), 51: KnownEntry(words_key=WORDS)})
    found = index.matches(MEME, DISTANCES)
    assert [match.key for match in found] == [50, *range(9, -1, -1), 51]
    assert found[0] == EntryMatch(50, Comparison("same_meme", 0, 0.0))


@pytest.mark.parametrize(
    "entry",
    [
        KnownEntry("abc"),
        KnownEntry("x" * 64),
        KnownEntry(pdq=bytes(31)),
        KnownEntry(words_key="ab"),
        KnownEntry(A, PICTURE, 300),
    ],
)
def test_an_entry_that_holds_no_hash_is_refused_and_changes_nothing(entry: KnownEntry) -> None:
    index = EntryIndex()
    index.add({1: KnownEntry.of(MEME)})
    with pytest.raises(ValueError, match=r"bytes|hexadecimal|range"):
        index.add({1: KnownEntry(pdq=OTHER_PICTURE), 2: entry})
    assert [match.key for match in index.matches(MEME, DISTANCES)] == [1]


def test_an_index_of_many_entries_takes_104_bytes_each_and_an_eighth_of_room() -> None:
    index = EntryIndex()
    index.add({at: KnownEntry(pdq=at.to_bytes(32)) for at in range(20_000)})
    held = sum(part.nbytes for part in index._table[:2])
    assert held <= 20_000 * 104 * 1.126


def test_entries_beyond_one_block_of_the_scan_are_found_by_their_keys() -> None:
    hashes = np.random.default_rng(0).integers(0, 256, (2 * BLOCK + 5, N_BYTES), dtype=np.uint8)
    index = EntryIndex()
    index.add({7 * row: KnownEntry(pdq=one.tobytes()) for row, one in enumerate(hashes)})
    for row in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 4):
        near = Fingerprint(A, flipped(hashes[row].tobytes(), 20), 100)
        assert [match.key for match in index.matches(near, replace(DISTANCES, picture=20))] == [7 * row]
        assert index.matches(near, replace(DISTANCES, picture=19)) == []


def test_questions_during_changes_see_an_index_as_it_was_before_or_after() -> None:
    index, more = EntryIndex(), {key: KnownEntry(pdq=PICTURE) for key in range(100, 300)}
    index.add({key: KnownEntry(pdq=PICTURE) for key in range(100)})
    done = threading.Event()

    def change() -> None:
        for _ in range(40):
            index.add(more)
            index.remove(more)
        done.set()

    changer = threading.Thread(target=change)
    changer.start()
    sizes = set()
    while not done.is_set():
        keys = [match.key for match in index.matches(MEME, DISTANCES)]
        assert len(set(keys)) == len(keys)
        sizes.add(len(keys))
    changer.join()
    assert sizes <= {100, 300}
