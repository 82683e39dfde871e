"""Formats that people upload: which are read, and what the others are told."""

import io
import struct
import sys

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.hostile_pictures import mpo
from support.picture_files import encoded, exif_block, gradient, png_chunk

from model.errors import MemeError
from model.meme import Meme, MemeLimits
from model.picture.containers.sniff import FORMATS, format_of
from model.picture.exif import orientation

SMOOTH = Image.linear_gradient("L").resize((96, 64)).convert("RGB")


def heic(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=95, **options)
    return stream.getvalue()


def error_of(data: bytes, limits: MemeLimits | None = None) -> MemeError:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(data, limits=limits or MemeLimits())
    return caught.value


@pytest.mark.parametrize("file_format", ["AVIF", "HEIF"])
def test_pictures_of_phones_are_read(file_format: str) -> None:
    data = heic(SMOOTH) if file_format == "HEIF" else encoded(SMOOTH, "AVIF", quality=95)
    meme = Meme.from_bytes(data)
    assert meme.source_format == format_of(data) == file_format
    assert np.abs(np.asarray(meme.picture).astype(int) - np.asarray(SMOOTH)).max() < 8
    assert (meme.damage, meme.not_seen, meme.n_frames) == (None, None, 1)


@pytest.mark.parametrize("file_format", ["AVIF", "HEIF"])
def test_they_are_held_against_the_limit_of_pixels(file_format: str) -> None:
    data = heic(SMOOTH) if file_format == "HEIF" else encoded(SMOOTH, "AVIF")
    assert error_of(data, MemeLimits(max_pixels=96 * 64 - 1)).code == "too_many_pixels"


@pytest.mark.parametrize("file_format", ["AVIF", "HEIF"])
@pytest.mark.parametrize(("value", "size"), [(1, (96, 64)), (3, (96, 64)), (6, (64, 96)), (8, (64, 96))])
def test_a_turn_is_applied_once(file_format: str, value: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    data = heic(SMOOTH, exif=exif.tobytes()) if file_format == "HEIF" else encoded(SMOOTH, "AVIF", exif=exif)
    picture = Meme.from_bytes(data).picture
    assert picture.size == size
    upright = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[
        value
    ]
    wanted = SMOOTH if upright is None else SMOOTH.transpose(upright)
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(wanted)).mean() < 6


def test_without_its_extra_heic_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    refused = error_of(heic_file := HEIC)
    assert heic_file[8:12] == b"heic"
    assert refused.code == "unsupported_format"
    assert "memeguard[heif]" in refused.message


HEIC = heic(SMOOTH)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, len(HEIC) - 1), which=st.sampled_from(["HEIF", "AVIF"]))
def test_a_phone_s_picture_cut_anywhere_is_judged_with_its_damage_or_refused(cut: int, which: str) -> None:
    data = (HEIC if which == "HEIF" else encoded(SMOOTH, "AVIF"))[:-cut]
    try:
        meme = Meme.from_bytes(data)
    except MemeError as error:
        assert error.code in ("corrupt", "empty", "unsupported_format")  # noqa: PT017 - either outcome is right
    else:
        assert meme.damage


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL"),
        (encoded(gradient(), "TIFF"), "TIFF"),
        (encoded(gradient(), "JPEG2000"), "JPEG 2000"),
        (b"8BPS\0\1" + bytes(40), "Photoshop"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- a drawing -->\n<svg width='3'></svg>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (encoded(gradient(), "ICO"), "ICO"),
    ],
)
def test_other_formats_are_refused_by_name_with_what_to_send(data: bytes, name: str) -> None:
    refused = error_of(data)
    assert refused.code == "unsupported_format"
    assert refused.message.startswith(f"{name} pictures are not read")
    assert "JPEG, PNG, WebP, GIF or BMP" in refused.message


@pytest.mark.parametrize("kind", ["12-bit", "lossless"])
def test_jpegs_that_browsers_do_not_show_are_refused_by_name(kind: str) -> None:
    data = bytearray(encoded(gradient(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    if kind == "12-bit":
        data[frame + 4] = 12
    else:
        data[frame + 1] = 0xC3
    refused = error_of(bytes(data))
    assert refused.code == "unsupported_format"
    assert kind in refused.message


def test_of_many_pictures_in_one_jpeg_the_first_is_the_picture() -> None:
    meme = Meme.from_bytes(mpo(3))
    assert (meme.source_format, meme.n_frames, meme.is_animated) == ("JPEG", 1, False)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", range(10))
def test_an_orientation_is_read_in_every_format_that_has_one(file_format: str, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    meme = Meme.from_bytes(encoded(SMOOTH, file_format, exif=exif))
    assert meme.picture.size == ((64, 96) if value in (5, 6, 7, 8) else (96, 64))


def test_an_orientation_in_xmp_counts_no_more_than_in_browsers() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert Meme.from_bytes(encoded(SMOOTH, "JPEG", xmp=xmp)).picture.size == (96, 64)


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ((0x0112, 3, 1, b"\6\0\0\0"), 6),
        ((0x0112, 4, 1, b"\6\0\0\0"), 1),
        ((0x0112, 3, 2, b"\6\0\6\0"), 1),
        ((0x0112, 3, 1, b"\0\0\0\0"), 1),
        ((0x0112, 3, 1, b"\x09\0\0\0"), 1),
    ],
)
def test_an_orientation_that_browsers_ignore_is_ignored(entry: tuple[int, int, int, bytes], wanted: int) -> None:
    assert orientation(exif_block(entry)) == wanted


@given(st.binary(max_size=80))
def test_any_exif_has_an_orientation(block: bytes) -> None:
    assert 1 <= orientation(b"Exif\0\0II*\0" + block) <= 8


def test_a_png_keeps_no_note_that_changes_nothing() -> None:
    note = png_chunk(b"eXIf", b"MM\0*" + struct.pack(">LHHHLHH", 8, 1, 0x0112, 3, 1, 6, 0))
    data = encoded(SMOOTH)
    assert Meme.from_bytes(data[:33] + note + data[33:]).picture.size == (64, 96)


def test_every_format_that_is_named_is_found_by_its_content() -> None:
    assert [format_of(encoded(gradient(), name)) for name in FORMATS] == list(FORMATS)
    assert format_of(b"words") is None
