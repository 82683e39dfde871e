"""Fingerprints and near-duplicates, on pictures made here."""

from itertools import combinations
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from support.pictures import AWKWARD

from model.meme import has_words
from training.data.image_hashes import BadPicture, Fingerprint, fingerprint, fingerprint_files
from training.data.near_duplicates import MAX_DISTANCE, clusters, distances, hash_array, nearest
from training.datasets.text_key import text_key


def scene(seed: int) -> Image.Image:
    """A smooth random picture, 300 x 200."""
    noise = np.random.default_rng(seed).integers(0, 255, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((300, 200), Image.Resampling.BICUBIC)


def hashes_of(path: Path) -> tuple[int, int]:
    found = fingerprint(path)
    assert isinstance(found, Fingerprint)
    assert found.hashes is not None
    return found.hashes


def test_a_copy_in_another_size_format_or_quality_is_near_and_another_picture_is_far(tmp_path: Path) -> None:
    original = scene(0)
    original.save(tmp_path / "original.png")
    original.resize((150, 100)).save(tmp_path / "small.png")
    original.save(tmp_path / "poor.jpg", quality=30)
    original.filter(ImageFilter.GaussianBlur(1)).save(tmp_path / "soft.webp")
    scene(1).save(tmp_path / "other.png")
    paths = [tmp_path / name for name in ("original.png", "small.png", "poor.jpg", "soft.webp", "other.png")]
    found = distances(hash_array([hashes_of(paths[0])]), hash_array([hashes_of(path) for path in paths[1:]]))[0]
    assert (found[:3] <= MAX_DISTANCE).all()
    assert found[3] > 3 * MAX_DISTANCE


def test_a_blank_picture_has_a_digest_and_no_hash(tmp_path: Path) -> None:
    Image.new("RGB", (50, 50), (255, 255, 255)).save(tmp_path / "blank.png")
    found = fingerprint(tmp_path / "blank.png")
    assert isinstance(found, Fingerprint)
    assert (len(found.digest), found.hashes) == (64, None)


def test_bad_files_are_answers_with_a_code(tmp_path: Path) -> None:
    bad = {name: (content, code) for name, content, _, code in AWKWARD}
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in bad] + [tmp_path / "nowhere.png", tmp_path]
    found = fingerprint_files([*paths, *paths], workers=2)
    codes = [value.code if isinstance(value, BadPicture) else None for value in found.values()]
    assert codes == [code for _, code in bad.values()] + ["missing", "unreadable_file"]


HASHES = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=12)


def apart(first: tuple[int, int], second: tuple[int, int]) -> int:
    return max((a ^ b).bit_count() for a, b in zip(first, second, strict=True))


@settings(max_examples=60, deadline=None)
@given(first=HASHES, second=HASHES)
def test_the_nearest_is_what_a_loop_over_all_pairs_finds(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    keys = np.arange(len(first)), np.arange(len(second))  # row n of one is the same file as row n of the other
    index, distance = nearest(hash_array(first), hash_array(second), query_keys=keys[0], candidate_keys=keys[1])
    for row, item in enumerate(first):
        others = [apart(item, other) for place, other in enumerate(second) if place != row]
        assert distance[row] == min(others, default=255)
        assert apart(item, [*second, item][index[row]]) == distance[row] or not others


@settings(max_examples=60, deadline=None)
@given(
    bits=st.lists(st.tuples(st.integers(0, 31), st.integers(0, 31)), min_size=1, max_size=25), reach=st.integers(0, 3)
)
def test_clusters_are_the_chains_of_near_rows(bits: list[tuple[int, int]], reach: int) -> None:
    expected = list(range(len(bits)))
    for _ in bits:
        for one, other in combinations(range(len(bits)), 2):
            if apart(bits[one], bits[other]) <= reach:
                expected[one] = expected[other] = min(expected[one], expected[other])
    found = clusters(hash_array(bits), reach).tolist()
    pairs = list(combinations(range(len(bits)), 2))
    assert [found[a] == found[b] for a, b in pairs] == [expected[a] == expected[b] for a, b in pairs]


def test_ten_thousand_near_copies_are_one_cluster_without_a_list_of_their_pairs() -> None:
    hashes = np.zeros((10_000, 2), dtype=np.uint64)
    hashes[:, 0] = np.arange(10_000)
    assert len(set(clusters(hashes, 1).tolist())) == 1


def test_the_key_of_a_text_is_its_words_and_symbols() -> None:
    assert text_key("  It's  a CAT!\n") == "it s a cat"
    assert text_key("ｗｉｄｅ “cat”\u200b") == "wide cat"
    assert text_key("cat 🐈\ufe0f") == text_key("CAT 🐈") != text_key("cat 🐕")
    assert text_key(" ... ") == ""


def test_a_text_has_no_words_when_nothing_of_it_can_be_seen() -> None:
    assert [not has_words(text) for text in ("", " \n", "\u200b\u200d", "?", "a")] == [True, True, True, False, False]
