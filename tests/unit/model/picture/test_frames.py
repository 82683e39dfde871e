"""Animations: what is shown of them is judged, wherever in them it stands."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.picture_files import encoded, png_chunk

from model.budget import Budget
from model.errors import MemeError
from model.meme import Meme, MemeLimits

FORMATS = ["GIF", "WEBP", "PNG"]
SIZE = (160, 120)
BASE = Image.linear_gradient("L").resize(SIZE).convert("RGB")


def with_words(words: str, top: int = 50) -> Image.Image:
    frame = BASE.copy()
    ImageDraw.Draw(frame).text((10, top), words, fill="white", stroke_width=1, stroke_fill="black")
    return frame


def animation(frames: list[Image.Image], file_format: str, **options: object) -> bytes:
    options = {"duration": 40} | ({"lossless": True} if file_format == "WEBP" else {}) | options
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:], **options)


def looks_like(view: Image.Image, wanted: Image.Image) -> bool:
    return bool(np.abs(np.asarray(view).astype(int) - np.asarray(wanted.convert("RGB"))).mean() < 6)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(("place", "duration"), [(1, 0), (7, 10), (15, 5000)])
def test_one_line_that_flashes_up_is_a_view_of_its_own(file_format: str, place: int, duration: int) -> None:
    frames = [BASE] * 16
    # Encoders merge frames that are alike: each has a point that moves by less than can be seen.
    frames = [_with_point(frame, index) for index, frame in enumerate(frames)]
    frames[place] = with_words("hidden line")
    meme = Meme.from_bytes(animation(frames, file_format, duration=duration))
    assert meme.n_frames == 16
    assert meme.is_animated
    assert meme.not_seen is None
    assert [view.frame for view in meme.views] == [0, place]
    assert looks_like(meme.views[1].image, frames[place])


def _with_point(frame: Image.Image, index: int) -> Image.Image:
    found = frame.copy()
    grey = frame.getpixel((index, 3))
    assert isinstance(grey, tuple)
    found.putpixel((index, 3), tuple(min(255, value + 9) for value in grey))
    return found


@pytest.mark.parametrize("file_format", FORMATS)
def test_distinct_frames_beyond_the_bound_are_told_with_numbers(file_format: str) -> None:
    frames = [Image.new("RGB", SIZE, (12 * index, 250 - 12 * index, 90)) for index in range(20)]
    meme = Meme.from_bytes(animation(frames, file_format), limits=MemeLimits(max_frames=4))
    assert len(meme.views) == 4
    assert meme.not_seen is not None
    assert meme.not_seen.startswith("4 of ")
    assert "distinct frames" in meme.not_seen
    assert max(view.frame or 0 for view in meme.views) > 10


def test_the_first_frame_is_always_the_first_view() -> None:
    frames = [BASE, *(Image.new("RGB", SIZE, (25 * index, 0, 255 - 25 * index)) for index in range(10))]
    meme = Meme.from_bytes(animation(frames, "PNG"), limits=MemeLimits(max_frames=3))
    assert np.array_equal(np.asarray(meme.picture), np.asarray(BASE))
    assert meme.views[0].frame == 0


@pytest.mark.parametrize("file_format", FORMATS)
def test_frames_that_differ_by_nothing_visible_are_one_view(file_format: str) -> None:
    frames = [_with_point(BASE, index) for index in range(6)]
    meme = Meme.from_bytes(animation(frames, file_format))
    assert [view.frame for view in meme.views] == [0]
    assert meme.n_frames == 6


@settings(max_examples=25, deadline=None)
@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 12), st.integers(0, 255)),
        min_size=2,
        max_size=6,
    ),
    disposal=st.sampled_from([0, 1]),
)
def test_apng_frames_are_composed_as_pillow_composes_them(
    boxes: list[tuple[int, int, int, int, int]], disposal: int
) -> None:
    frames = []
    for left, top, width_px, height_px, grey in boxes:
        frame = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        frame.paste((grey, 255 - grey, 90, 255), (left, top, left + width_px, top + height_px))
        frames.append(frame)
    data = animation(frames, "PNG", disposal=disposal, blend=1)
    meme = Meme.from_bytes(data, limits=MemeLimits(max_frames=64))
    assert meme.not_seen is None
    with Image.open(io.BytesIO(data)) as expected:
        for view in meme.views:
            expected.seek(view.frame or 0)
            ground = (255,) * 4 if view.ground != "dark" else (18, 18, 18, 255)
            flat = Image.alpha_composite(Image.new("RGBA", (32, 32), ground), expected.convert("RGBA")).convert("RGB")
            assert np.array_equal(np.asarray(view.image), np.asarray(flat))


def test_a_frame_that_gives_way_to_what_was_before_leaves_no_trace() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", header, png_chunk(b"acTL", struct.pack(">II", 3, 0))]
    boxes = [(64, 64, 0, 0, 0), (20, 20, 5, 5, 2), (20, 20, 40, 40, 0)]
    for index, (width_px, height_px, left, top, disposal) in enumerate(boxes):
        number = max(0, 2 * index - 1)
        data = zlib.compress((b"\0" + bytes([250, 80 * index, 9]) * width_px) * height_px)
        control = struct.pack(">IIIIIHHBB", number, width_px, height_px, left, top, 1, 10, disposal, 0)
        parts.append(png_chunk(b"fcTL", control))
        parts.append(png_chunk(b"fdAT", struct.pack(">I", number + 1) + data) if index else png_chunk(b"IDAT", data))
    views = Meme.from_bytes(b"".join(parts) + png_chunk(b"IEND", b"")).views
    assert [view.frame for view in views] == [0, 1, 2]
    assert views[1].image.getpixel((10, 10)) == (250, 80, 9)
    assert views[2].image.getpixel((10, 10)) == (250, 0, 9)
    assert views[2].image.getpixel((50, 50)) == (250, 160, 9)


def hidden_default(shown: list[Image.Image], default: Image.Image, *, damaged: bool = False) -> bytes:
    """An APNG whose default image stands before its first frame control."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 8, 2, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", header, png_chunk(b"acTL", struct.pack(">II", len(shown), 0))]
    parts.append(png_chunk(b"IDAT", _packed(default)))
    for index, frame in enumerate(shown):
        number = 2 * index + damaged
        parts.append(png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *SIZE, 0, 0, 1, 10, 0, 0)))
        parts.append(png_chunk(b"fdAT", struct.pack(">I", number + 1) + _packed(frame)))
    return b"".join(parts) + png_chunk(b"IEND", b"")


def _packed(frame: Image.Image) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in np.asarray(frame)))


@pytest.mark.parametrize("n_frames", [1, 2])
def test_a_default_image_that_is_not_shown_is_no_view(n_frames: int) -> None:
    shown = [with_words("shown"), with_words("also", 90)][:n_frames]
    meme = Meme.from_bytes(hidden_default(shown, with_words("never shown", 10)))
    assert len(meme.views) == n_frames
    assert np.array_equal(np.asarray(meme.picture), np.asarray(shown[0]))


def test_a_default_image_is_judged_too_where_programs_show_it_for_a_damaged_animation() -> None:
    default = with_words("fallback", 10)
    meme = Meme.from_bytes(hidden_default([with_words("shown")], default, damaged=True))
    assert any(np.array_equal(np.asarray(view.image), np.asarray(default)) for view in meme.views)
    assert np.array_equal(np.asarray(meme.picture), np.asarray(with_words("shown")))


def test_an_animation_control_behind_the_picture_makes_no_animation() -> None:
    still = encoded(BASE)
    behind = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    meme = Meme.from_bytes(still[:-12] + behind + still[-12:])
    assert (meme.n_frames, meme.is_animated) == (1, False)
    assert np.array_equal(np.asarray(meme.picture), np.asarray(BASE))


class _SpentAtTheThird(Budget):
    """A budget that is spent when a third frame would be begun."""

    def __init__(self) -> None:
        super().__init__()
        self.n_frames = 0

    @property
    def is_spent(self) -> bool:
        self.n_frames += sys._getframe(1).f_code.co_name == "play"
        return self.n_frames > 1


@pytest.mark.parametrize("file_format", FORMATS)
def test_frames_that_no_budget_is_left_for_are_told(file_format: str) -> None:
    frames = [BASE, with_words("second"), with_words("third", 90)]
    meme = Meme.from_bytes(animation(frames, file_format), budget=_SpentAtTheThird())
    assert meme.not_seen == "frames after the first 2 were not decoded"
    assert [view.frame for view in meme.views] == [0, 1]


def test_a_picture_for_which_no_time_is_left_at_all_is_an_error_of_its_own() -> None:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(encoded(BASE), budget=Budget(work_s=0))
    assert caught.value.code == "out_of_time"


def test_memory_of_all_views_is_that_of_one_large_picture() -> None:
    frames = [Image.new("RGB", (500, 400), (40 * index, 0, 0)) for index in range(6)]
    meme = Meme.from_bytes(animation(frames, "PNG"), limits=MemeLimits(max_pixels=500 * 400 * 3))
    assert len(meme.views) == 3
    assert meme.not_seen is not None


def test_a_gif_grows_to_its_first_frame_and_cuts_later_ones() -> None:
    data = bytearray(animation([Image.new("P", (8, 8), 1), Image.new("P", (8, 8), 2)], "GIF"))
    data[6:10] = struct.pack("<HH", 4, 4)
    assert Meme.from_bytes(bytes(data)).picture.size == (8, 8)


def test_an_avif_sequence_is_an_animation() -> None:
    frames = [BASE, with_words("second frame")]
    meme = Meme.from_bytes(encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=100))
    assert (meme.source_format, meme.n_frames, meme.is_animated) == ("AVIF", 2, True)
    assert [view.frame for view in meme.views] == [0, 1]
    assert looks_like(meme.views[1].image, frames[1])


def test_no_frame_that_can_be_decoded_is_corrupt() -> None:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(b"GIF89a\4\0\4\0\0\0\0,\0\0\0\0\4\0\4\0\0\2\0;")
    assert caught.value.code == "corrupt"
