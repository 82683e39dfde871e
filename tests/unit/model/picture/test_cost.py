"""Work of hostile pictures: bounded before it is begun, whatever the bytes say. Smaller ones of ``MAKERS``."""

import contextlib
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hostile_pictures as hostile
from support.cpu_time import least_cpu_s
from support.picture_files import png_chunk

from model.budget import Budget
from model.errors import MemeError
from model.meme import Meme, MemeLimits, declared_pixels

#: Seconds of CPU time; each of these takes a fraction of it, on a machine that does other things too.
_BOUND_S = 2.0


def seconds_of(data: bytes) -> float:
    def decode() -> None:
        with contextlib.suppress(MemeError):
            Meme.from_bytes(data)

    return least_cpu_s(decode, enough_s=_BOUND_S)


CASES: dict[str, Callable[[], bytes]] = {
    "scans": lambda: hostile.jpeg_of_scans(1200, 3000),
    "scans of all components": lambda: hostile.jpeg_of_interleaved_scans(400, 1000),
    "scans within the limit": lambda: hostile.jpeg_of_scans(80, 1500),
    "a million segments": lambda: hostile.jpeg_of_segments(1_000_000),
    "comments within the limit": lambda: hostile.jpeg_of_segments(150_000, 0xFE, b"x"),
    "tables": lambda: hostile.jpeg_of_segments(300, 0xDB, (b"\0" + b"\1" * 64) * 1000),
    "tables one by one": lambda: hostile.jpeg_of_segments(300_000, 0xC4, b"\0" * 17),
    "exif": hostile.thumbnail_bomb,
    "pictures in one file": lambda: hostile.mpo(30),
    "a million chunks": lambda: hostile.png_of_chunks(1_000_000),
    "packed texts": lambda: hostile.png_of_chunks(5, b"zTXt", b"a\0\0" + zlib.compress(bytes(64 << 20))),
    "packed profile": lambda: hostile.png_of_packed_profile(1 << 27),
    "apng of small frames": lambda: hostile.apng(2000, 300, 1),
    "gif of tiny frames": lambda: hostile.gif_of_tiny_frames(1_000_000),
    "gif of tiny blocks": lambda: hostile.gif_of_blocks(5_000_000),
    "webp of tiny frames": lambda: hostile.webp_of_frames(20_000, 500),
    "bmp of runs": lambda: hostile.bmp_of_runs(b"\1\2", 5_000_000),
    "bmp of runs that go nowhere": lambda: hostile.bmp_of_runs(b"\xff\2", 300_000, 1),
    "bmp of rle4 runs": lambda: hostile.bmp_of_runs(b"\xff\x12", 300_000, 2000, rle4=True),
    "printer's table": lambda: hostile.flat_jpeg("CMYK", hostile.lut_profile(grid=9), 1000),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_picture_costs_no_more_than_seconds(name: str) -> None:
    assert seconds_of(CASES[name]()) < _BOUND_S


@pytest.mark.parametrize(("n_scans", "code"), [(5, None), (200, "too_many_scans")])
def test_scans_are_counted_before_they_are_decoded(n_scans: int, code: str | None) -> None:
    data = hostile.jpeg_of_scans(n_scans, 400)
    found = None
    try:
        Meme.from_bytes(data)
    except MemeError as error:
        found = error.code
    assert found == code


def test_a_larger_jpeg_may_have_fewer_scans() -> None:
    data = hostile.jpeg_of_scans(50, 5000)
    with pytest.raises(MemeError, match="over 40 scans"):
        Meme.from_bytes(data)


def test_scans_of_thumbnails_and_later_pictures_do_not_count() -> None:
    bomb = hostile.jpeg_of_scans(150, 16)
    thumbnail = b"Exif\0\0II*\0" + bytes(8) + bomb[:60_000]
    data = hostile.jpeg_of_segments(1, 0xE1, thumbnail)
    assert Meme.from_bytes(data + bomb).picture.size == (64, 64)


def test_a_decoder_is_stopped_in_the_middle_when_the_budget_is_spent() -> None:
    data = hostile.jpeg_of_scans(2500, 1500)

    def decode() -> None:
        with pytest.raises(MemeError) as caught:
            Meme.from_bytes(data, limits=MemeLimits(max_scans=10_000), budget=Budget(work_s=0.2))
        assert caught.value.code == "out_of_time"

    assert least_cpu_s(decode, enough_s=_BOUND_S) < _BOUND_S


@settings(max_examples=80, deadline=None)
@given(
    kinds=st.lists(
        st.sampled_from([0xD8, 0xDA, 0xC4, 0xDB, 0xC0, 0xC2, 0xE0, 0xE1, 0xFE, 0xDD, 0x01, 0xD3]), max_size=40
    ),
    body=st.binary(max_size=40),
    length=st.integers(0, 65535),
)
def test_marker_soup_ends_in_a_verdict_or_one_error(kinds: list[int], body: bytes, length: int) -> None:
    soup = b"".join(
        bytes([0xFF, kind]) + struct.pack(">H", length if kind % 3 else len(body) + 2) + body for kind in kinds
    )
    sound = hostile.jpeg_of_segments(0)
    for data in (b"\xff\xd8\xff" + soup, sound[:2] + soup + sound[2:], sound[:-2] + soup):
        assert seconds_of(data) < _BOUND_S


def test_declared_pixels_are_those_of_all_frames() -> None:
    assert declared_pixels(hostile.flat_jpeg(side_px=100)) == 10_000
    assert declared_pixels(hostile.apng(5, 50, 50)) == 2500 * 6
    assert declared_pixels(b"words") == 0


def test_a_profile_of_a_gigabyte_is_not_unpacked() -> None:
    data = hostile.flat_png(side_px=16, chunks=png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1 << 26))))
    assert Meme.from_bytes(data).picture.size == (16, 16)
