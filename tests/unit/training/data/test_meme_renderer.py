import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from training.data.meme_renderer import STYLES, MemeStyle, drawable, render_meme, synthetic_background


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _plain(width: int = 500, height: int = 400) -> Image.Image:
    return Image.new("RGB", (width, height), (90, 120, 90))


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_draws_the_same_picture(style: MemeStyle) -> None:
    first = render_meme(None, ["when the tests", "pass at once"], style=style, rng=_rng(4))
    again = render_meme(None, ["when the tests", "pass at once"], style=style, rng=_rng(4))
    assert first.text == again.text
    assert np.array_equal(np.asarray(first.image), np.asarray(again.image))


@pytest.mark.parametrize("style", STYLES)
def test_ink_lies_inside_the_boxes_of_the_words_and_nowhere_else(style: MemeStyle) -> None:
    background = _plain()
    meme = render_meme(background, ["one two", "three"], style=style, rng=_rng(1))
    clean = np.asarray(render_meme(background, [], style=style, rng=_rng(1)).image)
    drawn = np.asarray(meme.image)
    page = drawn[: drawn.shape[0] - 400] if style != "classic" else drawn
    blank = page[0, 0] if style != "classic" else clean[0, 0]
    inked = (page != blank).any(axis=2)
    for word in meme.words:
        left, top, right, bottom = word.box
        assert inked[top:bottom, left:right].any()
        inked[top:bottom, left:right] = False
    assert not inked.any()


def test_classic_writes_capitals_at_the_top_and_the_bottom() -> None:
    meme = render_meme(_plain(), ["above", "below"], style="classic", rng=_rng())
    assert meme.text == "ABOVE\nBELOW"
    assert [word.text for word in meme.words] == ["ABOVE", "BELOW"]
    assert meme.words[0].box[3] < 200 < meme.words[1].box[1]
    assert meme.image.size == (500, 400)


@pytest.mark.parametrize("style", ["caption_bar", "screenshot"])
def test_a_page_above_the_picture_leaves_the_picture_whole(style: MemeStyle) -> None:
    background = _plain()
    meme = render_meme(background, ["a caption"], style=style, rng=_rng())
    below = meme.image.crop((0, meme.image.height - 400, 500, meme.image.height))
    assert np.array_equal(np.asarray(below), np.asarray(background))


def test_long_text_is_shrunk_and_wrapped_before_any_word_is_left_out() -> None:
    sentence = "it was a dark and stormy night and " * 4
    meme = render_meme(_plain(), [sentence, "end"], style="classic", rng=_rng())
    assert meme.text.split() == (sentence + "end").upper().split()


def test_text_reports_only_the_words_that_fitted() -> None:
    meme = render_meme(_plain(120, 60), ["word " * 80], style="classic", rng=_rng())
    assert 0 < len(meme.text.split()) < 80
    assert len(meme.words) == len(meme.text.split())


def test_what_the_font_cannot_draw_is_dropped_and_accents_are_stripped() -> None:
    assert drawable("caf\u00e9  \U0001f602 na\u00efve\n\u4f60\u597d wow\u2026") == "cafe naive wow..."


def test_a_text_of_emoji_alone_draws_nothing() -> None:
    meme = render_meme(_plain(), ["\U0001f602\U0001f602"], style="classic", rng=_rng())
    assert meme.text == ""
    assert np.array_equal(np.asarray(meme.image), np.asarray(_plain()))


def test_an_unknown_style_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown style 'vapor'; known styles: classic"):
        render_meme(None, ["text"], style="vapor", rng=_rng())  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    boxes=st.lists(st.text(max_size=60), max_size=4),
    style=st.sampled_from(STYLES),
    width=st.integers(1, 300),
    height=st.integers(1, 300),
)
def test_every_word_lies_inside_the_picture_and_in_the_text(
    boxes: list[str], style: MemeStyle, width: int, height: int
) -> None:
    meme = render_meme(_plain(width, height), boxes, style=style, rng=_rng())
    assert [word.text for word in meme.words] == meme.text.split()
    for word in meme.words:
        left, top, right, bottom = word.box
        assert 0 <= left <= right <= meme.image.width
        assert 0 <= top <= bottom <= meme.image.height


@pytest.mark.parametrize("seed", range(6))
def test_synthetic_backgrounds_have_the_size_asked_for(seed: int) -> None:
    assert synthetic_background(_rng(seed), (31, 17)).size == (31, 17)
