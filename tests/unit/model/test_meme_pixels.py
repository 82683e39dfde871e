"""What the first door makes of a sound picture: colours, transparency, the first frame, the right way up."""

import struct

import numpy as np
import pytest
from PIL import Image
from support.cpu_time import least_cpu_s
from support.picture_files import ORIENTATION, encoded, exif_block, gradient, png

from model.meme import Meme

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def pixels(data: bytes) -> np.ndarray:
    picture = Meme.from_bytes(data).picture
    assert picture.mode == "RGB"
    return np.asarray(picture)


def test_cmyk_becomes_the_colours_that_it_prints() -> None:
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
    assert np.abs(pixels(data).astype(int) - RED).max() < 10


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    assert pixels(encoded(Image.fromarray(values), "PNG"))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_16_bit_rgb_is_scaled() -> None:
    row = struct.pack(">BHHHHHH", 0, 65535, 32896, 0, 0, 257, 65535)
    found = pixels(png(2, 1, depth=16, colour=2, rows=row))
    assert found[0].tolist() == [[255, 128, 0], [0, 1, 255]]


def test_transparent_pixels_become_white() -> None:
    picture = Image.new("RGBA", (3, 1))
    picture.putdata([(*RED, 255), (*RED, 0), (0, 0, 0, 128)])
    found = pixels(encoded(picture, "PNG"))[0]
    assert found[:2].tolist() == [[*RED], [*WHITE]]
    assert np.abs(found[2].astype(int) - 127).max() <= 1


def test_a_palette_with_alpha_becomes_white_where_it_is_transparent() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putdata([0, 1])
    found = pixels(encoded(picture, "PNG", transparency=bytes([255, 0])))
    assert found[0].tolist() == [[*RED], [*WHITE]]


def test_grey_with_alpha_becomes_white_where_it_is_transparent() -> None:
    picture = Image.new("LA", (2, 1))
    picture.putdata([(100, 255), (100, 0)])
    assert pixels(encoded(picture, "PNG"))[0].tolist() == [[100] * 3, [255] * 3]


@pytest.mark.parametrize("format", ["PNG", "BMP"])
def test_one_bit_pictures_become_black_and_white(format: str) -> None:
    picture = Image.new("1", (2, 1))
    picture.putdata([0, 255])
    assert pixels(encoded(picture, format))[0].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_judged(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=50, **options)
    meme = Meme.from_bytes(data)
    assert meme.picture.getpixel((4, 4)) == RED
    assert meme.is_animated


def test_an_animation_of_many_frames_costs_no_more_than_the_frames_that_are_decoded() -> None:
    still = encoded(Image.new("P", (4, 4)), "GIF")
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    data = still[:-1] + frame * 200_000 + b";"

    def decode() -> None:
        meme = Meme.from_bytes(data)
        assert meme.is_animated
        assert meme.not_seen is not None

    assert least_cpu_s(decode, enough_s=2.0) < 2.0


def test_a_damaged_second_frame_does_not_spoil_the_first() -> None:
    still = encoded(Image.new("RGB", (4, 4), RED).quantize(4), "GIF")
    meme = Meme.from_bytes(still[:-1] + b",\0\0")
    assert meme.picture.getpixel((0, 0)) == RED
    assert meme.is_animated


def test_of_a_multi_picture_jpeg_the_first_is_judged() -> None:
    pictures = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    found = pixels(encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:]))
    assert np.abs(found.astype(int) - RED).max() < 10


@pytest.mark.parametrize(
    ("orientation", "top_left", "size"),
    [
        (1, "a", (2, 3)),
        (2, "b", (2, 3)),
        (3, "d", (2, 3)),
        (4, "c", (2, 3)),
        (5, "a", (3, 2)),
        (6, "c", (3, 2)),
        (7, "d", (3, 2)),
        (8, "b", (3, 2)),
    ],
)
def test_a_picture_is_turned_upright(orientation: int, top_left: str, size: tuple[int, int]) -> None:
    corners = {"a": 10, "b": 20, "c": 30, "d": 40}  # top left, top right, bottom left, bottom right as stored
    grey = np.array([[corners["a"], corners["b"]], [0, 0], [corners["c"], corners["d"]]], dtype=np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    meme = Meme.from_bytes(encoded(Image.fromarray(grey).convert("RGB"), "PNG", exif=exif))
    assert meme.picture.size == size
    assert meme.picture.getpixel((0, 0)) == (corners[top_left],) * 3


@pytest.mark.parametrize(
    "odd_tag",
    [
        pytest.param((0x0100, 2, 4, b"abc\0"), id="width as letters"),
        pytest.param((0x0111, 2, 3, b"ab\0\0"), id="strip offsets as letters"),
    ],
)
def test_a_good_orientation_counts_although_another_tag_is_odd(odd_tag: tuple[int, int, int, bytes]) -> None:
    exif = exif_block((ORIENTATION, 3, 1, b"\6\0\0\0"), odd_tag)
    assert Meme.from_bytes(encoded(gradient(16, 12), "JPEG", exif=exif)).picture.size == (12, 16)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow tells of odd metadata that it passes over
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0" + b"\xff" * 40,
        exif_block((ORIENTATION, 3, 1, b"\x63\0\0\0")),
        exif_block((ORIENTATION, 2, 2, b"6\0\0\0")),
    ],
)
def test_damaged_exif_leaves_the_picture_as_it_is(exif: bytes) -> None:
    assert Meme.from_bytes(encoded(gradient(16, 12), "JPEG", exif=exif)).picture.size == (16, 12)
