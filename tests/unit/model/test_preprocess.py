from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from support.preparation import PREPROCESS, picture, tokenizer_json

from model.meme import Meme
from model.preprocess import _PROBE_DISGUISES, EmojiVocabulary, PreprocessConfig, Preprocessor, normalise_text
from model.text.folding import folded

CLS, SEP = 2, 3


def preprocessor(**changes: object) -> Preprocessor:
    return Preprocessor(PreprocessConfig(**(PREPROCESS.model_dump() | changes)), tokenizer_json())


def plain(**changes: object) -> Preprocessor:
    """A preprocessor whose pixels are simply 0 to 1."""
    return preprocessor(mean=(0, 0, 0), std=(1, 1, 1), **changes)


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("size", [(200, 200), (200, 50), (50, 200)])
def test_the_whole_picture_is_kept_up_to_its_edges(resize: str, size: tuple[int, int]) -> None:
    width, height = size
    base = Image.new("RGB", size, (100, 100, 100))
    seen = plain(resize=resize)
    untouched = seen.pixels(base)
    for box in [(0, 0, 8, height), (width - 8, 0, width, height), (0, 0, width, 8), (0, height - 8, width, height)]:
        marked = base.copy()
        marked.paste((255, 255, 255), box)
        assert np.abs(seen.pixels(marked) - untouched).max() > 0.3


def test_squash_fills_the_square_and_pad_leaves_black_bars() -> None:
    white = Image.new("RGB", (64, 16), (255, 255, 255))
    assert np.allclose(plain(resize="squash").pixels(white), 1.0)
    padded = plain(resize="pad").pixels(white)
    assert np.allclose(padded[:, 12:20], 1.0)
    assert np.allclose(padded[:, :12], 0.0)
    assert np.allclose(padded[:, 20:], 0.0)


def test_a_picture_one_pixel_high_survives_padding() -> None:
    assert plain(resize="pad").pixels(Image.new("RGB", (500, 1), (255, 255, 255))).max() > 0.9


def test_pixels_are_channels_first_and_normalised() -> None:
    pixels = preprocessor(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0)).pixels(Image.new("RGB", (9, 9), (255, 0, 51)))
    assert (pixels.shape, pixels.dtype) == ((3, 32, 32), np.dtype("float32"))
    assert np.allclose(pixels[:, 5, 5], [1.0, -1.0, 0.1])


def test_texts_are_padded_to_the_longest_and_masked() -> None:
    inputs = preprocessor().text_inputs(["ab", "a"], [(), ()])
    assert inputs.input_ids.tolist()[0][0] == CLS
    assert inputs.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert inputs.input_ids[1].tolist()[2:] == [SEP, 0]
    assert inputs.input_ids.dtype == inputs.attention_mask.dtype == np.int64


def test_a_row_reads_the_same_whatever_stands_beside_it() -> None:
    seen = preprocessor()
    alone, beside = seen.text_inputs(["abc"], [()]), seen.text_inputs(["abc", "a b c d e f"], [(), ("tag",)])
    assert beside.input_ids[0, : alone.input_ids.shape[1]].tolist() == alone.input_ids[0].tolist()
    assert beside.attention_mask[0].sum() == alone.attention_mask[0].sum()


def test_long_text_is_cut_and_still_ends_with_the_separator() -> None:
    inputs = preprocessor().text_inputs(["ab c " * 5000], [("a b " * 5000,)])
    assert inputs.input_ids.shape == (1, PREPROCESS.max_text_tokens)
    assert inputs.tag_ids.shape == (1, 1, PREPROCESS.max_tag_tokens)
    assert inputs.input_ids[0, -1] == inputs.tag_ids[0, 0, -1] == SEP


@pytest.mark.parametrize("text", [None, "", "  \n", "\u200b\ufeff", "\x00"])
def test_a_text_without_words_has_a_mask_of_zeros(text: str | None) -> None:
    inputs = preprocessor().text_inputs([text], [()])
    assert inputs.attention_mask.tolist() == [[0]]
    assert inputs.input_ids.tolist() == [[0]]


@pytest.mark.parametrize(
    ("tags", "shape"),
    [
        ([(), ()], (2, 1, 1)),
        ([("a",), ()], (2, 1, 3)),
        ([("a", "ab"), ("abc",)], (2, 2, 5)),
        ([("a",) * 9, ()], (2, PREPROCESS.max_tags, 3)),
    ],
)
def test_tags_make_a_block_as_wide_as_the_longest_row(tags: list[tuple[str, ...]], shape: tuple[int, ...]) -> None:
    inputs = preprocessor().text_inputs(["x", "y"], tags)
    assert inputs.tag_ids.shape == inputs.tag_mask.shape == shape
    given = [min(len(row), PREPROCESS.max_tags) for row in tags]
    assert (inputs.tag_mask.sum(axis=2) > 0).sum(axis=1).tolist() == given


def test_a_batch_of_memes_has_their_own_tags_by_default() -> None:
    memes = [Meme(picture(seed), "digest", tags=tags) for seed, tags in enumerate([("cat", "dog"), ()])]
    inputs = preprocessor()(memes, ["words", None])
    assert inputs.pixel_values.shape == (2, 3, 32, 32)
    assert inputs.image_mask.tolist() == [1, 1]
    assert (inputs.text.tag_mask.sum(axis=2) > 0).tolist() == [[True, True], [False, False]]


def test_the_fingerprint_does_not_change_between_objects_calls_and_threads() -> None:
    shared = preprocessor()
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: shared.fingerprint(), range(16)))
    assert found == {preprocessor().fingerprint()}


def test_threads_do_not_disturb_each_others_texts() -> None:
    shared = preprocessor()
    texts = ["a" * n for n in range(1, 40)]
    serial = [shared.text_inputs([text], [(text,)]).input_ids.tolist() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: shared.text_inputs([text], [(text,)]).input_ids.tolist(), texts))
    assert found == serial


@pytest.mark.parametrize(
    "change",
    [
        {"side_px": 48},
        {"resize": "pad"},
        {"mean": (0.5, 0.5, 0.5)},
        {"std": (0.5, 0.5, 0.5)},
        {"max_text_tokens": 13},
        {"max_tags": 4},
        {"max_tag_tokens": 7},
        {"pad_token_id": 1},
        {"emoji_names": False},
        {"emoji_vocabulary": "cldr"},
    ],
)
def test_the_fingerprint_changes_with_every_setting(change: dict[str, object]) -> None:
    assert preprocessor(**change).fingerprint() != preprocessor().fingerprint()


def test_the_fingerprint_changes_with_the_tokenizer() -> None:
    other = Preprocessor(PREPROCESS, tokenizer_json(a=5, b=4))
    assert other.fingerprint() != preprocessor().fingerprint()


@pytest.mark.parametrize("disguise", _PROBE_DISGUISES)
def test_the_fingerprint_changes_with_the_folding_of_each_disguise_since_format_version_2(
    disguise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [preprocessor().fingerprint(version) for version in (1, 2)]
    monkeypatch.setattr("model.preprocess.folded", lambda text: folded("!" if text == disguise else text))
    after = [preprocessor().fingerprint(version) for version in (1, 2)]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_every_disguise_of_the_probe_but_the_last_two_is_folded() -> None:
    assert [text for text in _PROBE_DISGUISES if normalise_text(text) == text] == list(_PROBE_DISGUISES[-2:])


def test_the_fingerprint_changes_with_the_windows_of_a_long_text_since_format_version_2(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = [preprocessor().fingerprint(version) for version in (1, 2)]
    monkeypatch.setattr("model.parts.windows._OVERLAP", 0.5)
    after = [preprocessor().fingerprint(version) for version in (1, 2)]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_image_features_outlive_a_change_of_text_settings_and_no_other() -> None:
    same, other = preprocessor(max_text_tokens=20), preprocessor(resize="pad")
    assert same.pixel_fingerprint() == preprocessor().pixel_fingerprint() != other.pixel_fingerprint()


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="side_pixels"):
        PreprocessConfig.model_validate({"side_pixels": 224})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\n\twords ", "two words"),
        ("w\u200bal\u00adk\ufeff", "walk"),
        ("\uff26\uff35\uff2c\uff2c ﬁx", "FULL fix"),
        ("e\u200b\u0301", "é"),
        ("rat \U0001f400!", "rat rat !"),
        ("\U0001f44b\U0001f3fd", "waving hand sign"),
        ("\u2764\ufe0f", "heavy black heart"),
        ("a\x00b\x07", "a b"),
        ("100° © x", "100° © x"),
        ("m\u0435m\u0435s 4\u0435v\u0435r", "memes 4ever"),
        ("c\u0430\u0301fe", "cáfe"),
        ("\u043c\u0438\u0440 \u03bf\u03c2", "\u043c\u0438\u0440 \u03bf\u03c2"),
    ],
)
def test_text_is_normalised(text: str, expected: str) -> None:
    assert normalise_text(text) == expected


def test_emoji_stay_when_their_names_are_not_wanted() -> None:
    assert normalise_text("rat \U0001f400", emoji=None) == "rat \U0001f400"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a \U0001f52a", "a kitchen knife"),
        ("\U0001f473\U0001f3fe\u200d\u2642\ufe0f!", "man wearing turban medium dark skin tone !"),
        ("\U0001f44b\U0001f3fd\U0001f44b\U0001f3ff", "waving hand medium skin tone waving hand dark skin tone"),
        ("\U0001f3f3\ufe0f\u200d\U0001f308", "rainbow flag"),
        ("to \U0001f1ee\U0001f1f1.", "to flag Israel ."),
        ("\u2764\ufe0f \u262a\ufe0f", "red heart star and crescent"),
        ("100° © x", "100° © x"),
        ("h\U0001f3feate", "hate"),
        ("\U0001f170\U0001f171", "AB"),
    ],
)
def test_emoji_and_who_they_show_are_spelt_by_their_common_names(text: str, expected: str) -> None:
    assert normalise_text(text, emoji="cldr") == expected


@given(st.text(), st.sampled_from(["unicode", "cldr", None]))
def test_normalised_text_is_normal_already(text: str, emoji: EmojiVocabulary | None) -> None:
    once = normalise_text(text, emoji=emoji)
    assert normalise_text(once, emoji=emoji) == once


def test_a_config_of_before_there_was_a_vocabulary_has_the_fingerprint_that_it_had() -> None:
    document = PREPROCESS.model_dump(mode="json")
    del document["emoji_vocabulary"]
    assert Preprocessor(PreprocessConfig.model_validate(document), tokenizer_json()).fingerprint() == (
        preprocessor().fingerprint()
    )


@given(st.text(min_size=1), st.sampled_from(["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"]), st.integers(0))
def test_an_invisible_character_anywhere_changes_nothing(text: str, invisible: str, index: int) -> None:
    index %= len(text) + 1
    assert normalise_text(text[:index] + invisible + text[index:]) == normalise_text(text)


def test_a_long_text_with_an_override_is_not_said_to_be_judged_behind_it() -> None:
    plain = "ab c " * 20
    assert preprocessor().windows(plain).judged_chars == len(plain)
    assert preprocessor().windows(f"abc \u202e{plain}").judged_chars == 4
    assert preprocessor().windows("abc \u202ecba\u202c").judged_chars == 9
