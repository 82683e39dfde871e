import hashlib
import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from model.errors import MemeError
from model.meme import Meme, MemeLimits

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
ORIENTATION = 0x0112


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def gradient(width_px: int = 16, height_px: int = 12) -> Image.Image:
    values = np.arange(width_px * height_px * 3) % 256
    return Image.fromarray(values.reshape(height_px, width_px, 3).astype(np.uint8))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width_px: int, height_px: int, *, depth: int, colour: int, rows: bytes, chunks: bytes = b"") -> bytes:
    """A PNG spelt out by hand; ``rows`` are the raw bytes, a filter byte before each row."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + data + png_chunk(b"IEND", b"")


def exif_block(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block of (tag, type, count, four value bytes), valid or not."""
    fields = b"".join(struct.pack("<HHL4s", *entry) for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, len(entries)) + fields + struct.pack("<L", 0)


def error_of(data: bytes, **options: object) -> MemeError:
    with pytest.raises(MemeError) as caught:
        Meme.from_bytes(data, **options)
    return caught.value


def pixels(data: bytes) -> np.ndarray:
    picture = Meme.from_bytes(data).picture
    assert picture.mode == "RGB"
    return np.asarray(picture)


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
    assert pixels(SEEDS[seed]).shape[2] == 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_cut_in_half_is_refused_as_corrupt(format: str) -> None:
    data = encoded(gradient(64, 64), format)
    assert error_of(data[: len(data) // 2]).code == "corrupt"


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


@pytest.mark.parametrize("format", ["TIFF", "ICO", "PPM", "TGA"])
def test_other_formats_are_refused_with_the_names_of_those_we_read(format: str) -> None:
    refused = error_of(encoded(gradient(), format))
    assert refused.code == "unsupported_format"
    assert "JPEG, PNG, WebP, GIF or BMP" in refused.message


@pytest.mark.parametrize("name", ["missing.png", "nul\0.png", "surrogate\ud800.png", "."])
def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(MemeError) as caught:
        Meme.from_file(tmp_path / name)
    assert caught.value.code == "unreadable_file"


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


def test_an_animation_of_many_frames_costs_no_more_than_its_first() -> None:
    still = encoded(Image.new("P", (4, 4)), "GIF")
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    data = still[:-1] + frame * 200_000 + b";"
    started = time.process_time()
    assert Meme.from_bytes(data).is_animated
    assert time.process_time() - started < 0.5


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


def test_a_text_chunk_that_unpacks_to_much_more_is_refused() -> None:
    bomb = zlib.compress(b"a" * (64 * 1024 * 1024))
    chunk = png_chunk(b"zTXt", b"Comment\0\0" + bomb)
    assert error_of(png(1, 1, depth=8, colour=0, rows=b"\0\0", chunks=chunk)).code == "corrupt"


def test_an_ordinary_text_chunk_is_let_through() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "made by hand", zip=True)
    assert np.array_equal(pixels(encoded(gradient(), "PNG", pnginfo=notes)), np.asarray(gradient()))


@pytest.mark.parametrize("text", [None, "", " \n\t", "\u200b", "\u2060\ufeff \u00ad", "\x00\x07"])
def test_text_without_a_visible_character_counts_as_not_given(text: str | None) -> None:
    assert Meme.from_bytes(SEEDS["png"], text=text).text is None


def test_text_is_held_against_its_limit() -> None:
    limits = MemeLimits(max_text_chars=5)
    assert Meme.from_bytes(SEEDS["png"], text="12345", limits=limits).text == "12345"
    assert error_of(SEEDS["png"], text="123456", limits=limits).code == "text_too_long"


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
    for place, new, n_replaced in edits:
        data = data[:place] + new + data[place + n_replaced :]
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
