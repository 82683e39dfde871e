import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from support.pdq_pictures import N_PICTURES, pdq_pictures

from model.known.pdq import N_BYTES, mirrored_hash, pdq_of

REFERENCE = json.loads(Path(__file__).with_name("pdq_hashes.json").read_text(encoding="utf-8"))


def differing_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def photo(seed: int = 3, size: tuple[int, int] = (400, 300)) -> Image.Image:
    colours = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)


def test_500_pictures_have_the_bits_and_quality_of_pdqhash() -> None:
    ours = []
    for image in pdq_pictures():
        pdq = pdq_of(image)
        pixels = hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()[:8]
        ours.append([pixels, pdq.quality, pdq.hash.hex(), pdq.mirrored.hex()])
    assert len(ours) == N_PICTURES == len(REFERENCE)
    assert ours == REFERENCE


def test_the_reference_has_pictures_of_every_quality() -> None:
    qualities = [line[1] for line in REFERENCE]
    assert (min(qualities), max(qualities)) == (0, 100)
    assert sum(0 < quality < 100 for quality in qualities) > 50
    assert len({line[2] for line in REFERENCE}) > 380


def test_luminance_is_rounded_once_whatever_the_colour() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    in_float64 = (pixels[..., 0] * 0.299 + pixels[..., 1] * 0.587 + pixels[..., 2] * 0.114).astype(np.float32)
    grey = pixels.reshape(-1, 3).astype(np.float32) @ np.array([299, 587, 114], np.float32) / np.float32(1000)
    assert np.array_equal(grey.reshape(64, 64), in_float64)


@pytest.mark.parametrize("size", [(1, 1), (4, 400), (400, 4)])
def test_pictures_too_small_to_hash_have_no_quality(size: tuple[int, int]) -> None:
    pdq = pdq_of(photo(size=size))
    assert (pdq.hash, pdq.quality, pdq.mirrored) == (bytes(N_BYTES), 0, bytes(N_BYTES))


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(300, 500), st.integers(300, 500))
def test_the_mirrored_hash_is_near_that_of_the_mirrored_picture(seed: int, width: int, height: int) -> None:
    image = photo(seed, (width, height))
    of_mirror = pdq_of(ImageOps.mirror(image))
    pdq = pdq_of(image)
    assert differing_bits(pdq.mirrored, of_mirror.hash) <= 50
    assert differing_bits(pdq.mirrored, pdq.hash) > 60
    assert differing_bits(mirrored_hash(pdq.hash), pdq.mirrored) <= 50
    assert mirrored_hash(mirrored_hash(pdq.hash)) == pdq.hash


def test_other_sizes_of_a_picture_have_nearly_its_hash_and_other_pictures_do_not() -> None:
    pdq = pdq_of(photo())
    assert pdq.quality == 100
    assert differing_bits(pdq.hash, pdq_of(photo(size=(800, 600))).hash) <= 20
    assert differing_bits(pdq.hash, pdq_of(photo(seed=4)).hash) > 80


def test_larger_pictures_are_filtered_in_parts_with_the_same_result() -> None:
    image = photo(size=(300, 200))
    wide = Image.new("RGB", (3000, 200))
    for at in range(10):
        wide.paste(image, (300 * at, 0))
    turned = pdq_of(wide.transpose(Image.Transpose.TRANSPOSE))
    assert pdq_of(wide).quality == turned.quality
