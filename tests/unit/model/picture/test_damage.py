"""Damaged files: what browsers show of them is judged and the damage told; no cut is a way past the filter."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.picture_files import encoded, png, png_chunk

from model.errors import MemeError
from model.meme import Meme, MemeLimits

NOISE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8))
FILES = {
    "jpeg": encoded(NOISE, "JPEG", quality=85),
    "progressive jpeg": encoded(NOISE, "JPEG", progressive=True),
    "grey jpeg": encoded(NOISE.convert("L"), "JPEG"),
    "png": encoded(NOISE, "PNG"),
    "palette png": encoded(NOISE.quantize(32), "PNG"),
    "webp": encoded(NOISE, "WEBP"),
    "lossless webp": encoded(NOISE, "WEBP", lossless=True),
    "gif": encoded(NOISE.quantize(64), "GIF", interlace=0),
    "interlaced gif": encoded(NOISE.quantize(64), "GIF"),
    "bmp": encoded(NOISE, "BMP"),
    "animated gif": encoded(NOISE.quantize(64), "GIF", save_all=True, append_images=[NOISE.rotate(90).quantize(64)]),
    "animated webp": encoded(NOISE, "WEBP", save_all=True, append_images=[NOISE.rotate(90)]),
    "apng": encoded(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(90)]),
}


def whole(name: str) -> np.ndarray:
    return np.asarray(Meme.from_bytes(FILES[name]).picture)


@pytest.mark.parametrize("name", FILES)
def test_a_sound_file_has_no_damage(name: str) -> None:
    meme = Meme.from_bytes(FILES[name])
    assert (meme.damage, meme.not_seen) == (None, None)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("n_bytes", [1, 2, 3])
def test_a_file_cut_by_a_few_bytes_is_judged_and_looks_the_same(name: str, n_bytes: int) -> None:
    meme = Meme.from_bytes(FILES[name][:-n_bytes])
    assert meme.not_seen is None
    same = np.abs(np.asarray(meme.picture).astype(int) - whole(name)).max(axis=2) == 0
    assert same.mean() > 0.98


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "lossless webp", "gif", "bmp"])
def test_a_file_cut_in_half_is_judged_by_the_half_that_is_shown_and_told(name: str) -> None:
    data = FILES[name]
    meme = Meme.from_bytes(data[: len(data) * 3 // 5])
    assert meme.damage is not None
    assert meme.not_seen is not None
    assert "is missing" in meme.not_seen
    upper, lower = slice(0, 32), slice(64, 90)  # a BMP begins with its last row
    kept = lower if name == "bmp" else upper
    assert np.array_equal(np.asarray(meme.picture)[kept], whole(name)[kept])


@settings(max_examples=250, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_any_cut_is_judged_with_its_damage_or_refused_as_corrupt(name: str, data: st.DataObject) -> None:
    kept = FILES[name][: data.draw(st.integers(1, len(FILES[name]) - 1))]
    try:
        meme = Meme.from_bytes(kept)
    except MemeError as error:
        assert error.code in ("corrupt", "unsupported_format")  # noqa: PT017 - either outcome is right
    else:
        assert meme.picture.size == NOISE.size
        looks_whole = np.mean(np.asarray(meme.picture) == whole(name)) > 0.95
        assert looks_whole or meme.damage


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), tail=st.binary(min_size=1, max_size=300))
def test_bytes_behind_the_picture_change_nothing(name: str, tail: bytes) -> None:
    assert np.array_equal(np.asarray(Meme.from_bytes(FILES[name] + tail).picture), whole(name))


@pytest.mark.parametrize(
    "head", [b"\xef\xbb\xbf", b"\n", b"\r\n\r\n", b"\0" * 20, b"1f40\r\n", b"x", b"HTTP/1.1 200 OK\r\n\r\n"]
)
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "bmp"])
def test_bytes_before_the_picture_are_passed_over_and_told(name: str, head: bytes) -> None:
    meme = Meme.from_bytes(head + FILES[name])
    assert np.array_equal(np.asarray(meme.picture), whole(name))
    assert meme.damage == f"{len(head)} bytes stand before the picture"


def test_a_picture_far_within_other_bytes_is_none() -> None:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(b" " * 5000 + FILES["png"])
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize("kind", [b"pHYs", b"tEXt", b"gAMA", b"tIME", b"abCd"])
def test_an_ancillary_chunk_of_a_wrong_checksum_is_passed_over(kind: bytes) -> None:
    chunk = bytearray(png_chunk(kind, b"\0\0\x0b\xb8" + bytes(5)))
    chunk[-1] ^= 1
    data = FILES["png"]
    meme = Meme.from_bytes(data[:33] + bytes(chunk) + data[33:])
    assert np.array_equal(np.asarray(meme.picture), whole("png"))
    assert meme.damage == f"wrong checksum in the PNG's {kind.decode()}"


@pytest.mark.parametrize("place", ["header", "data", "end", "adler"])
def test_a_wrong_checksum_of_a_critical_chunk_is_told_and_the_picture_judged(place: str) -> None:
    data = bytearray(FILES["png"])
    data[{"header": 29, "data": -14, "end": -1, "adler": -17}[place]] ^= 0x55
    meme = Meme.from_bytes(bytes(data))
    assert np.array_equal(np.asarray(meme.picture), whole("png"))
    assert meme.damage is not None


def test_a_wrong_adler32_in_a_sound_chunk_costs_no_row() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(NOISE))
    packed = bytearray(zlib.compress(rows))
    packed[-1] ^= 1
    sound = png(*NOISE.size, depth=8, colour=2, rows=b"")
    start = sound.index(b"IDAT") - 4
    meme = Meme.from_bytes(sound[:start] + png_chunk(b"IDAT", bytes(packed)) + png_chunk(b"IEND", b""))
    assert np.array_equal(np.asarray(meme.picture), np.asarray(NOISE))


def test_a_png_without_its_end_is_judged() -> None:
    meme = Meme.from_bytes(FILES["png"][:-12])
    assert np.array_equal(np.asarray(meme.picture), whole("png"))
    assert meme.damage == "the PNG has no end: it was cut off"


def test_a_png_of_which_nothing_was_packed_is_corrupt() -> None:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(png(40, 40, depth=8, colour=2, rows=b""))
    assert caught.value.code == "corrupt"


def test_a_damaged_later_frame_is_told_and_the_first_one_judged() -> None:
    data = FILES["animated gif"]
    second = data.rindex(b"\x2c\0\0\0\0")
    damaged = bytearray(data)
    damaged[second + 30 : second + 400] = b"\xff" * 370
    meme = Meme.from_bytes(bytes(damaged))
    assert np.array_equal(np.asarray(meme.picture), whole("animated gif"))
    assert meme.n_frames == 2


def test_a_bmp_whose_runs_end_early_is_judged_with_its_damage() -> None:
    header = struct.pack("<IiiHHIIIIII", 40, 32, 32, 1, 8, 1, 0, 0, 0, 4, 0)
    palette = bytes([0, 0, 0, 0, 0, 0, 200, 0, 0, 200, 0, 0, 200, 0, 0, 0])
    data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 70) + header + palette + b"\x20\1\0\0" * 32
    whole_picture = Meme.from_bytes(data + b"\0\1")
    assert whole_picture.picture.getpixel((3, 3)) == (200, 0, 0)
    cut = Meme.from_bytes(data[: -4 * 10])
    assert cut.not_seen is not None
    assert cut.picture.getpixel((3, 31)) == (200, 0, 0)


def test_a_phone_s_jpeg_cut_in_the_head_of_its_last_scan_is_judged() -> None:
    data = FILES["progressive jpeg"]
    last = data.rindex(b"\xff\xda")
    meme = Meme.from_bytes(data[: last + 5])
    assert meme.not_seen is None
    assert np.abs(np.asarray(meme.picture).astype(int) - whole("progressive jpeg")).mean() < 20


def test_damage_is_told_to_callers_in_pillow_s_absence_of_warnings(recwarn: pytest.WarningsRecorder) -> None:
    for data in FILES.values():
        Meme.from_bytes(data[:-2], limits=MemeLimits(max_pixels=NOISE.width * NOISE.height))
    assert not recwarn.list
