import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from model.known.fingerprint import unframed_hashes
from model.known.frames import framed
from model.known.pdq import pdq_of


def photo(width: int = 400, height: int = 300) -> Image.Image:
    colours = np.random.default_rng(3).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC)


def differing_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@settings(max_examples=25)
@given(st.integers(12, 60), st.sampled_from(["white", "black", "#305090"]), st.integers(260, 640))
def test_what_is_left_of_a_bordered_picture_is_the_picture(border_px: int, colour: str, width: int) -> None:
    image = photo(width)
    bordered = ImageOps.expand(image, border_px, colour)
    [box] = framed(bordered)
    slack = max(1, min(bordered.size) // 128)
    wanted = (border_px, border_px, border_px + image.width, border_px + image.height)
    assert all(abs(side - true) <= slack for side, true in zip(box, wanted, strict=True))
    [unframed] = unframed_hashes(bordered)
    assert differing_bits(unframed, pdq_of(image).hash) <= 31 < differing_bits(pdq_of(bordered).hash, unframed)


def test_lines_of_a_few_words_are_part_of_a_frame() -> None:
    page = Image.new("RGB", (440, 400), "white")
    page.paste(photo(), (20, 50))
    ImageDraw.Draw(page).text((30, 20), "somebody  2 h", fill="black")
    with_words, without, *_ = framed(page)
    assert with_words[1] < 30
    assert abs(without[1] - 50) <= 3
    assert min(differing_bits(one, pdq_of(photo()).hash) for one in unframed_hashes(page)) <= 31


def test_the_white_bar_of_a_picture_stays_when_a_white_border_is_taken_away() -> None:
    meme = Image.new("RGB", (400, 380), "white")
    ImageDraw.Draw(meme).text((150, 30), "its own words", fill="black")
    meme.paste(photo(), (0, 80))
    bordered = ImageOps.expand(meme, 30, "white")
    assert any(max(abs(np.subtract(box, (30, 30, 430, 410)))) <= 3 for box in framed(bordered))
    assert min(differing_bits(one, pdq_of(meme).hash) for one in unframed_hashes(bordered)) <= 31


def test_a_picture_without_a_border_has_no_frame() -> None:
    assert framed(photo()) == []
    assert unframed_hashes(photo()) == ()


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (400, 1), (1, 400), (3000, 10)])
def test_blank_pictures_of_any_size_have_no_frame(size: tuple[int, int]) -> None:
    assert framed(Image.new("RGB", size, "white")) == []


def test_a_detail_on_a_page_is_no_picture_in_a_frame() -> None:
    page = Image.new("RGB", (400, 400), "white")
    page.paste(photo(90, 90), (150, 150))
    assert framed(page) == []


def test_a_frame_around_a_blank_picture_gives_no_hash() -> None:
    blank = ImageOps.expand(Image.new("RGB", (300, 300), "white"), 40, "black")
    assert len(framed(blank)) == 1
    assert unframed_hashes(blank) == ()
