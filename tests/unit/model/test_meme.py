"""What the first door lets in and what it refuses, whatever bytes, words and tags come."""

import hashlib
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from support.picture_files import ORIENTATION, encoded, exif_block, gradient, png, png_chunk

from model.errors import MemeError
from model.meme import Meme, MemeLimits


def error_of(data: bytes, **options: Any) -> MemeError:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(data, **options)
    return caught.value


SEEDS = {
    "jpeg": encoded(gradient(), "JPEG", exif=exif_block((ORIENTATION, 3, 1, b"\6\0\0\0"))),
    "png": encoded(gradient(), "PNG"),
    "palette png": encoded(gradient().quantize(16), "PNG", transparency=bytes(range(16))),
    "webp": encoded(gradient(), "WEBP"),
    "gif": encoded(gradient().quantize(8), "GIF", save_all=True, append_images=[gradient().rotate(90).quantize(8)]),
    "bmp": encoded(gradient(), "BMP"),
    "mpo": encoded(gradient(), "MPO", save_all=True, append_images=[gradient().rotate(180)]),
}


def test_a_picture_keeps_its_pixels_and_is_known_by_the_digest_of_its_bytes() -> None:
    data = encoded(gradient(), "PNG")
    meme = Meme.from_bytes(data, text="words", tags=["cat"], id="m1")
    assert np.array_equal(np.asarray(meme.picture), np.asarray(gradient()))
    assert meme.digest == hashlib.sha256(data).hexdigest() == Meme.from_bytes(data).digest
    assert (meme.text, meme.tags, meme.id, meme.source_format) == ("words", ("cat",), "m1", "PNG")
    assert (*meme.picture.size, meme.is_animated) == (16, 12, False)


def test_zero_bytes_are_refused_as_empty() -> None:
    assert error_of(b"").code == "empty"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_accepted_format_decodes(seed: str) -> None:
    picture = Meme.from_bytes(SEEDS[seed]).picture
    assert (picture.mode, sorted(picture.size)) == ("RGB", [12, 16])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_file_cut_off_before_its_first_rows_is_refused_as_corrupt(format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, format)
    start = len(data) - len(encoded(noise.crop((0, 0, 64, 62)), format))  # what about two rows take
    headers = {"JPEG": 700, "GIF": 781 + 13, "BMP": 54}
    assert error_of(data[: headers.get(format, 60) + start]).code == "corrupt"


def test_a_huge_picture_is_refused_from_its_header_alone() -> None:
    bomb = png(20_000, 20_000, depth=8, colour=2, rows=b"")
    assert error_of(bomb).code == "too_many_pixels"


def test_pixels_are_counted_against_the_limit_given() -> None:
    limits = MemeLimits(max_pixels=16 * 12)
    Meme.from_bytes(encoded(gradient(16, 12), "PNG"), limits=limits)
    refused = error_of(encoded(gradient(16, 13), "PNG"), limits=limits)
    assert refused.code == "too_many_pixels"
    assert "16 x 13" in refused.message


@pytest.mark.parametrize("max_pixels", [0, 10**9])
def test_a_pixel_limit_beyond_the_decoders_own_is_refused(max_pixels: int) -> None:
    with pytest.raises(ValueError, match="max_pixels"):
        MemeLimits(max_pixels=max_pixels)


def test_too_many_bytes_are_refused_before_decoding(tmp_path: Path) -> None:
    limits = MemeLimits(max_bytes=1000)
    assert error_of(b"x" * 1001, limits=limits).code == "too_many_bytes"
    path = tmp_path / "large.png"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(MemeError) as caught:
        Meme.from_file(path, limits=limits)
    assert caught.value.code == "too_many_bytes"


def test_text_with_a_picture_name_is_refused_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_text("not a picture")
    with pytest.raises(MemeError) as caught:
        Meme.from_file(path)
    assert caught.value.code == "unsupported_format"


def test_a_jpeg_with_a_png_name_is_read_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(gradient(), "JPEG"))
    assert Meme.from_file(path).source_format == "JPEG"


@pytest.mark.parametrize("format", ["TIFF", "ICO", "PPM", "TGA", "JPEG2000"])
def test_other_formats_are_refused_with_the_names_of_those_we_read(format: str) -> None:
    refused = error_of(encoded(gradient(), format))
    assert refused.code == "unsupported_format"
    assert "JPEG, PNG, WebP, GIF or BMP" in refused.message


@pytest.mark.parametrize("name", ["missing.png", "nul\0.png", "surrogate\ud800.png", "."])
def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(MemeError) as caught:
        Meme.from_file(tmp_path / name)
    assert caught.value.code == "unreadable_file"


def test_a_text_chunk_that_unpacks_to_much_more_is_never_unpacked() -> None:
    bomb = zlib.compress(b"a" * (64 * 1024 * 1024))
    data = png(1, 1, depth=8, colour=0, rows=b"\0\x07", chunks=png_chunk(b"zTXt", b"Comment\0\0" + bomb))
    tracemalloc.start()
    assert Meme.from_bytes(data).picture.getpixel((0, 0)) == (7, 7, 7)
    assert tracemalloc.get_traced_memory()[1] < 8 * len(data)
    tracemalloc.stop()


def test_an_ordinary_text_chunk_is_let_through() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "made by hand", zip=True)
    picture = Meme.from_bytes(encoded(gradient(), "PNG", pnginfo=notes)).picture
    assert np.array_equal(np.asarray(picture), np.asarray(gradient()))


@pytest.mark.parametrize("text", [None, "", " \n\t", "\u200b", "\u2060\ufeff \u00ad", "\x00\x07"])
def test_text_without_a_visible_character_counts_as_not_given(text: str | None) -> None:
    assert Meme.from_bytes(SEEDS["png"], text=text).text is None


def test_text_is_held_against_its_limit() -> None:
    limits = MemeLimits(max_text_chars=5)
    assert Meme.from_bytes(SEEDS["png"], text="12345", limits=limits).text == "12345"
    assert error_of(SEEDS["png"], text="123456", limits=limits).code == "text_too_long"
    assert error_of(SEEDS["png"], text=" " * 6, limits=limits).code == "text_too_long"


def test_lone_surrogates_become_encodable_text() -> None:
    meme = Meme.from_bytes(SEEDS["png"], text="a\ud800b", tags=["c\udfff"])
    assert (meme.text, meme.tags) == ("a?b", ("c?",))


def test_tags_are_trimmed_and_blank_ones_left_out() -> None:
    assert Meme.from_bytes(SEEDS["png"], tags=[" cat ", "", "  ", "dog"]).tags == ("cat", "dog")


def test_too_many_tags_and_too_long_tags_are_refused() -> None:
    limits = MemeLimits(max_tags=2, max_tag_chars=3)
    assert Meme.from_bytes(SEEDS["png"], tags=["abc", "def", " "], limits=limits).tags == ("abc", "def")
    assert error_of(SEEDS["png"], tags=["a", "b", "c"], limits=limits).code == "bad_tags"
    assert error_of(SEEDS["png"], tags=["abcd"], limits=limits).code == "bad_tags"


def test_a_memes_content_is_not_in_its_repr() -> None:
    assert "secret" not in repr(Meme.from_bytes(SEEDS["png"], text="secret words", tags=["secret tag"]))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(sorted(SEEDS)),
    edits=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=5),
    cut=st.none() | st.integers(0, 400),
)
def test_a_mutated_picture_decodes_or_raises_meme_error_and_nothing_else(
    seed: str, edits: list[tuple[int, bytes, int]], cut: int | None
) -> None:
    data = SEEDS[seed]
    for index, new, n_replaced in edits:
        data = data[:index] + new + data[index + n_replaced :]
    try:
        meme = Meme.from_bytes(data[:cut], limits=MemeLimits(max_pixels=100_000))
    except MemeError as error:
        assert error.message  # noqa: PT017 - either outcome is right, no other error is
    else:
        assert meme.picture.mode == "RGB"
        assert min(meme.picture.size) > 0


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF"])
def test_a_header_cut_short_is_called_damaged_and_not_another_format(format: str) -> None:
    refused = error_of(encoded(gradient(), format)[:9])
    assert refused.code == "corrupt"
    assert "header" in refused.message
