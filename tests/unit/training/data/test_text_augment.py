import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from model.preprocess import normalise_text
from training.data.text_augment import HOMOGLYPHS, OCR_CONFUSIONS, TextNoise, TextNoiseConfig

KINDS = [name for name in TextNoiseConfig.model_fields if name.endswith("_p")]
OFF = dict.fromkeys(KINDS, 0.0)
TEXT = "All modern clowns\nburn Old warm rolls"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def noisy(kind: str, text: str, strength: float = 1.0, seed: int = 0) -> str:
    return TextNoise(TextNoiseConfig(**{**OFF, kind: 1.0, "strength": strength}))(text, rng(seed))


@given(st.text(max_size=60), st.integers(0, 2**32))
def test_without_any_chance_or_any_strength_texts_stay_as_they_are(text: str, seed: int) -> None:
    assert TextNoise(TextNoiseConfig(**OFF))(text, rng(seed)) == text
    assert TextNoise(TextNoiseConfig(**dict.fromkeys(KINDS, 1.0), strength=0))(text, rng(seed)) == text


@given(st.text(max_size=60), st.integers(0, 2**32))
@settings(max_examples=200)
def test_a_text_is_blank_with_noise_just_when_it_is_blank_without(text: str, seed: int) -> None:
    noise = TextNoise(TextNoiseConfig(**dict.fromkeys(KINDS, 1.0), strength=0.7))
    assert bool(normalise_text(noise(text, rng(seed)))) == bool(normalise_text(text))


def test_the_same_generator_gives_the_same_text_and_others_give_others() -> None:
    noise = TextNoise(TextNoiseConfig())
    first = [noise(TEXT, rng(seed)) for seed in range(40)]
    assert first == [noise(TEXT, rng(seed)) for seed in range(40)]
    assert len(set(first)) > 10
    assert TEXT in first


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_noise_changes_a_text_by_itself(kind: str) -> None:
    assert {noisy(kind, TEXT, seed=seed) for seed in range(10)} != {TEXT}


@pytest.mark.parametrize(("written", "read"), [("barn", {"bam"}), ("O", {"0"}), ("l", {"1", "I"}), ("vvv", {"wv"})])
def test_ocr_takes_letters_for_others_that_look_alike(written: str, read: set[str]) -> None:
    assert {noisy("confusion_p", written, seed=seed) for seed in range(20)} == read


def test_homoglyphs_look_like_the_letter_and_are_of_another_script() -> None:
    changed = noisy("homoglyph_p", "pace")
    assert [unicodedata.name(char).split()[0] for char in changed] != ["LATIN"] * 4
    back = {other: letter for letter, others in HOMOGLYPHS.items() for other in others}
    assert "".join(back[char] for char in changed) == "pace"


def test_homoglyphs_in_a_latin_word_are_folded_by_preprocessing_and_a_word_of_them_is_not() -> None:
    for letter, others in HOMOGLYPHS.items():
        assert all(normalise_text(f"q{other}q") == f"q{letter}q" for other in others)
        assert all(normalise_text(other) == other for other in others)


def test_leet_writes_digits_and_signs_for_letters() -> None:
    assert noisy("leet_p", "bell") == "8311"


def test_spaces_are_left_out_and_put_into_words() -> None:
    assert noisy("spacing_p", TEXT).replace(" ", "") == TEXT.replace(" ", "")
    assert {noisy("spacing_p", "one two", seed=seed).count(" ") for seed in range(40)} > {0, 1}


def test_lines_are_merged() -> None:
    assert {noisy("merge_lines_p", "one\ntwo", seed=seed) for seed in range(20)} == {"one\ntwo", "onetwo"}


def test_zero_width_characters_are_dropped_again_by_preprocessing() -> None:
    changed = noisy("zero_width_p", "plain words")
    assert len(changed) == len("plain words") + 8
    assert normalise_text(changed) == "plain words"


def test_letters_are_repeated_and_digits_are_not() -> None:
    changed = noisy("repeat_p", "a1")
    assert changed.strip("a") == "1"
    assert 2 <= changed.count("a") <= 4


def test_case_changes_for_the_whole_text() -> None:
    assert {noisy("case_p", "One two", seed=seed) for seed in range(30)} == {"ONE TWO", "one two", "One Two", "oNE TWO"}


def test_strength_is_the_share_of_places_that_change() -> None:
    text = "o" * 4000
    changed = noisy("leet_p", text, strength=0.15)
    assert changed.count("0") / 4000 == pytest.approx(0.15, abs=0.02)


def test_an_accent_stays_with_its_letter() -> None:
    text = "re\u0301sume\u0301 " * 20
    for kind in ("spacing_p", "zero_width_p"):
        assert noisy(kind, text).count("e\u0301") == 40


def test_no_confusion_is_of_a_text_with_itself() -> None:
    assert all(written not in read for written, read in OCR_CONFUSIONS.items())


@pytest.mark.parametrize("settings", [{"typo_p": 0.5}, {"leet_p": 1.5}, {"strength": -0.1}])
def test_a_setting_that_is_unknown_or_out_of_range_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TextNoiseConfig(**settings)
