"""Clear parts: what can be seen on light ground or on dark ground is judged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.picture_files import encoded

from model.meme import Meme

Colour = tuple[int, int, int, int]


def sticker(*lines: Colour) -> Image.Image:
    picture = Image.new("RGBA", (200, 120), (0, 0, 0, 0))
    for index, colour in enumerate(lines):
        ImageDraw.Draw(picture).text((10, 10 + 40 * index), "words here", fill=colour, font_size=30)
    return picture


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("other", [(220, 40, 120, 255), (0, 0, 0, 255)])
def test_white_words_on_clear_ground_are_seen_on_dark(file_format: str, other: Colour) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    meme = Meme.from_bytes(encoded(sticker(other, (255, 255, 255, 255)), file_format, **options))
    assert [view.ground for view in meme.views] == ["light", "dark"]
    light, dark = (np.asarray(view.image.convert("L")).astype(int)[55:100] for view in meme.views)
    assert np.ptp(light) < 12
    assert np.ptp(dark) > 200


@pytest.mark.parametrize("colour", [(0, 0, 0, 255), (10, 10, 10, 255), (0, 0, 0, 120)])
def test_dark_words_alone_need_no_dark_ground(colour: Colour) -> None:
    meme = Meme.from_bytes(encoded(sticker(colour)))
    assert [view.ground for view in meme.views] == [None]


def test_words_of_half_clear_grey_that_only_white_hides_are_seen() -> None:
    picture = Image.new("RGBA", (200, 80), (200, 200, 200, 255))
    mask = Image.new("L", (200, 80))
    ImageDraw.Draw(mask).text((10, 20), "words here", fill=255, font_size=30)
    picture.paste((0, 0, 0, 55), mask=mask.point([0] * 128 + [255] * 128))
    assert len(Meme.from_bytes(encoded(picture)).views) == 2


@settings(max_examples=40, deadline=None)
@given(alpha=st.integers(0, 255), grey=st.integers(0, 255), mode=st.sampled_from(["RGBA", "LA"]))
def test_a_picture_of_one_colour_has_one_view_however_clear_it_is(alpha: int, grey: int, mode: str) -> None:
    colour = (grey,) * (3 if mode == "RGBA" else 1) + (alpha,)
    assert len(Meme.from_bytes(encoded(Image.new(mode, (40, 30), colour))).views) == 1


def test_a_palette_s_clear_colour_and_a_transparent_rgb_colour_are_clear() -> None:
    rgb = Image.new("RGB", (200, 60), (1, 2, 3))
    ImageDraw.Draw(rgb).text((10, 10), "words here", fill="white", font_size=30)
    assert len(Meme.from_bytes(encoded(rgb, transparency=(1, 2, 3))).views) == 2
    palette = rgb.quantize(4)
    clear = palette.getpixel((0, 0))
    assert len(Meme.from_bytes(encoded(palette, transparency=clear)).views) == 2


def test_both_grounds_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    meme = Meme.from_bytes(encoded(sticker((255, 255, 255, 255)), "PNG", exif=exif))
    assert [view.image.size for view in meme.views] == [(120, 200)] * 2


def test_an_animated_sticker_has_both_grounds_of_a_frame() -> None:
    frames = [sticker((0, 0, 0, 255)), sticker((0, 0, 0, 255), (255, 255, 255, 255))]
    meme = Meme.from_bytes(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], disposal=1))
    assert [(view.frame, view.ground) for view in meme.views] == [(0, None), (1, "light"), (1, "dark")]
