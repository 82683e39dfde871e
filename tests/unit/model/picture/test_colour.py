"""Colour spaces: what browsers show is what is judged, and sRGB keeps its pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support.hostile_pictures import lut_profile
from support.picture_files import encoded, gradient, png, png_chunk

from model.meme import Meme
from model.picture import icc

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB_POINTS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3_POINTS = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SWAPPED_POINTS = (0.3127, 0.329, 0.3, 0.6, 0.64, 0.33, 0.15, 0.06)
RAMP = np.linspace(0, 1, 256)


def profile(points: tuple[float, ...], exponent: float) -> bytes:
    made = icc.matrix_profile(points, RAMP**exponent)
    assert made is not None
    return made


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Meme.from_bytes(data).picture)


def grey_png(value: int, *chunks: bytes) -> bytes:
    return png(4, 4, depth=8, colour=2, rows=(b"\0" + bytes([value]) * 12) * 4, chunks=b"".join(chunks))


def gamma(value: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chromaticities(points: tuple[float, ...]) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in points)))


def packed(content: bytes) -> bytes:
    return png_chunk(b"iCCP", b"x\0\0" + zlib.compress(content))


def shown(value: int, exponent: float) -> float:
    light = (value / 255) ** exponent
    return float(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


@settings(max_examples=40, deadline=None)
@given(value=st.integers(0, 255), file_gamma=st.floats(0.02, 3).filter(lambda value: abs(value * 2.2 - 1) > 0.06))
def test_a_gamma_changes_a_png_as_browsers_do(value: int, file_gamma: float) -> None:
    found = int(pixels(grey_png(value, gamma(file_gamma)))[0, 0, 0])
    assert abs(found - shown(value, 1 / (round(file_gamma * 100_000) / 100_000))) <= 1


@pytest.mark.parametrize(
    "chunks",
    # Named: a profile holds the second in which it was made, and workers must collect the same tests.
    [
        pytest.param((gamma(1 / 2.2),), id="sRGB's gamma"),
        pytest.param((gamma(0.45455), chromaticities(SRGB_POINTS)), id="gamma and points"),
        pytest.param((png_chunk(b"sRGB", b"\0"), gamma(0.03)), id="sRGB before gamma"),
        pytest.param((gamma(0.03), packed(SRGB)), id="profile before gamma"),
        pytest.param((gamma(0),), id="gamma 0"),
        pytest.param((packed(SRGB),), id="sRGB's profile"),
        pytest.param((packed(b"no profile"),), id="no profile"),
        pytest.param((packed(SRGB[:200]),), id="half a profile"),
        pytest.param((png_chunk(b"iCCP", b"x\0\0no zlib"),), id="no zlib"),
        pytest.param((chromaticities(SWAPPED_POINTS),), id="points without gamma"),
        pytest.param((gamma(0.45455), chromaticities((0.3, 0.3) * 4)), id="points on one spot"),
        pytest.param(
            (packed(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()),), id="a profile of LAB"
        ),
        pytest.param((png_chunk(b"cICP", b"\1\x0d\0\1"), gamma(0.03)), id="cICP before gamma"),
    ],
)
def test_srgb_and_what_browsers_pass_over_keep_every_pixel(chunks: tuple[bytes, ...]) -> None:
    data = encoded(gradient())
    assert np.array_equal(pixels(data[:33] + b"".join(chunks) + data[33:]), np.asarray(gradient()))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_profile_is_applied_in_every_format_that_has_one(file_format: str) -> None:
    grey = Image.new("RGB", (32, 32), (60, 60, 60))
    dark = pixels(encoded(grey, file_format, icc_profile=profile(SRGB_POINTS, 8)))
    assert dark.max() < 12
    swapped = pixels(
        encoded(Image.new("RGB", (32, 32), (255, 0, 0)), file_format, icc_profile=profile(SWAPPED_POINTS, 2.2))
    )
    assert swapped[5, 5, 1] > 200
    assert swapped[5, 5, 0] < 60


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_srgb_s_own_profile_changes_no_pixel(file_format: str) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    assert np.array_equal(
        pixels(encoded(gradient(), file_format, icc_profile=SRGB, **options)),
        pixels(encoded(gradient(), file_format, **options)),
    )


def test_a_profile_that_only_calls_itself_srgb_is_applied() -> None:
    named = profile(SRGB_POINTS, 8).replace(b"\0" * 24, b"sRGB IEC61966-2.1 sRGB  ", 1)
    assert pixels(encoded(Image.new("RGB", (8, 8), (90, 90, 90)), "PNG", icc_profile=named)).max() < 40


def test_a_profile_keeps_what_is_clear() -> None:
    picture = Image.new("RGBA", (8, 8), (60, 60, 60, 255))
    picture.paste((60, 60, 60, 0), (0, 0, 4, 8))
    found = pixels(encoded(picture, "PNG", icc_profile=profile(SRGB_POINTS, 8)))
    assert found[0, 0].tolist() == [255] * 3
    assert found[0, 7].max() < 12


def test_a_grey_profile_is_applied_to_grey_and_not_to_colour() -> None:
    with_grey = profile(SRGB_POINTS, 8).replace(b"RGB XYZ ", b"GRAYXYZ ", 1).replace(b"rTRC", b"kTRC", 1)
    assert pixels(encoded(Image.new("L", (8, 8), 60), "PNG", icc_profile=with_grey)).max() < 12
    assert pixels(encoded(Image.new("RGB", (8, 8), (60, 60, 60)), "PNG", icc_profile=with_grey)).max() == 60


def test_cmyk_is_shown_by_its_profile() -> None:
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    plain = pixels(encoded(picture, "JPEG"))
    managed = pixels(encoded(picture, "JPEG", icc_profile=lut_profile(grid=5)))
    assert np.abs(plain.astype(int) - managed).max() > 20


@pytest.mark.parametrize("transfer", [4, 5, 8, 16, 18])
def test_codes_of_a_transfer_that_is_not_srgb_s_are_applied(transfer: int) -> None:
    found = pixels(grey_png(20, png_chunk(b"cICP", bytes([1, transfer, 0, 1]))))
    assert abs(int(found[0, 0, 0]) - 20) > 3


def test_16_bit_grey_keeps_what_a_gamma_makes_visible() -> None:
    rows = b"\0" + struct.pack(">2H", 20, 200)
    found = pixels(png(2, 1, depth=16, colour=0, rows=rows, chunks=gamma(5)))
    assert found[0, 1, 0] - found[0, 0, 0] > 20


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=8)), max_size=6), st.integers(0, 3))
def test_a_damaged_profile_is_passed_over_or_applied_and_never_an_error(
    edits: list[tuple[int, bytes]], which: int
) -> None:
    content = bytearray((SRGB, profile(P3_POINTS, 2.2), lut_profile(grid=3), lut_profile(b"RGB ", 3, 5))[which])
    for place, new in edits:
        content[place : place + len(new)] = new
    mode = "CMYK" if which == 2 else "RGB"
    stream = io.BytesIO()
    Image.new(mode, (8, 8)).save(stream, "JPEG", icc_profile=bytes(content))
    assert Meme.from_bytes(stream.getvalue()).picture.size == (8, 8)
