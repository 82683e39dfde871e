from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from support.judgements import hateful
from support.preparation import picture
from support.tiny import TinyBundle

from model import Judgement, Meme
from model.explanation.words import MAX_WORDS_TOLD, MAX_WORDS_TRIED, SHAPLEY_CALLS, explain, shapley_effects
from model.judge import Judge, Reading
from model.runtime import Runtime
from model.verdict import Explanation, Score, TextEvidence


@pytest.fixture(scope="module")
def judge(tiny: TinyBundle) -> Judge:
    return Judge(tiny.bundle, Runtime(tiny.bundle, threads=1))


def _judged(judge: Judge, text: str, *, seed: int | None = 1, tags: tuple[str, ...] = ()) -> Judgement:
    meme = Meme(None if seed is None else picture(seed), "digest", text, tags)
    (found,) = judge([Reading(meme, TextEvidence.from_caller(text))], [True])
    assert isinstance(found, Judgement)
    return found


def _explained(judge: Judge, text: str, *, seed: int | None = 1, tags: tuple[str, ...] = ()) -> Explanation:
    explanation = _judged(judge, text, seed=seed, tags=tags).explanation
    assert explanation is not None
    return explanation


def test_each_modality_alone_is_scored_as_if_the_other_were_not_there(judge: Judge) -> None:
    explanation = _explained(judge, "some words", tags=("cat",))
    words_alone = _judged(judge, "some words", seed=None, tags=("cat",)).scores
    picture_alone = _judged(judge, "").scores
    assert explanation.text_alone is not None
    assert explanation.image_alone is not None
    assert explanation.text_alone["hateful"] == pytest.approx(words_alone["hateful"], abs=1e-5)
    assert explanation.image_alone["hateful"] == pytest.approx(picture_alone["hateful"], abs=1e-5)
    assert explanation.text_alone["memotion_sentiment"] == pytest.approx(words_alone["memotion_sentiment"], abs=1e-5)


def test_a_words_effect_is_the_score_with_it_less_the_score_without_it(judge: Judge) -> None:
    whole = _judged(judge, "red gre blu")
    without = _judged(judge, "red  blu")
    assert whole.explanation is not None
    (green,) = [word for word in whole.explanation.words if word.text == "gre"]
    expected = hateful(whole) - hateful(without)
    assert green.effects["hateful"] == pytest.approx(expected, abs=1e-5)
    assert abs(expected) > 1e-4


def test_effects_are_told_of_binary_tasks_only(judge: Judge) -> None:
    (word,) = _explained(judge, "word").words
    assert list(word.effects) == ["hateful"]


def test_words_are_told_in_the_order_of_the_text_with_their_places(judge: Judge) -> None:
    text = "wh  the cod\nwo"
    words = _explained(judge, text).words
    assert [word.text for word in words] == ["wh", "the", "cod", "wo"]
    assert [text[word.start : word.end] for word in words] == [word.text for word in words]


def _rescore(texts: Sequence[str], *, pictured: bool = True, tagged: bool = True) -> list[dict[str, Score]]:
    """A network to which every word is worth its number: "w7" raises the score by .007."""
    return [{"hateful": sum(int(word[1:]) for word in text.split()) / 1000} for text in texts]


def test_the_strongest_of_many_words_are_told() -> None:
    words = explain(" ".join(f"w{at}" for at in range(20)), _rescore, has_image=False).words
    assert [word.text for word in words] == [f"w{at}" for at in range(20 - MAX_WORDS_TOLD, 20)]
    assert [word.effects["hateful"] for word in words] == pytest.approx([at / 1000 for at in range(10, 20)])


def test_no_more_words_are_left_out_in_turn_than_a_part_has() -> None:
    words = explain(" ".join(f"w{at}" for at in range(2 * MAX_WORDS_TRIED)), _rescore, has_image=False).words
    assert [word.text for word in words] == [
        f"w{at}" for at in range(MAX_WORDS_TRIED - MAX_WORDS_TOLD, MAX_WORDS_TRIED)
    ]


def test_a_long_text_is_explained_by_the_part_that_decided(judge: Judge) -> None:
    text = " ".join(f"{chr(97 + at)}{chr(98 + at)}" for at in range(24))
    spans = judge.bundle.preprocessor.windows(text).spans
    alone = [hateful(_judged(judge, text[start:end])) for start, end in spans]
    start, end = spans[alone.index(max(alone))]
    found = _judged(judge, text)
    assert hateful(found) == pytest.approx(max(alone), abs=1e-5)
    assert found.explanation is not None
    assert found.explanation.words, "the part that decided has words"
    for word in found.explanation.words:
        assert start <= word.start < word.end <= end
        assert text[word.start : word.end] == word.text


def test_words_without_a_picture_have_no_picture_alone(judge: Judge) -> None:
    found = _judged(judge, "some words", seed=None)
    assert found.explanation is not None
    assert found.explanation.image_alone is None
    assert found.explanation.text_alone is not None
    assert found.explanation.text_alone["hateful"] == pytest.approx(found.scores["hateful"], abs=1e-6)


def test_a_picture_without_words_has_no_words_alone(judge: Judge) -> None:
    found = _judged(judge, " \n")
    assert found.explanation is not None
    assert found.explanation.text_alone is None
    assert found.explanation.words == ()
    assert found.explanation.image_alone is not None
    assert found.explanation.image_alone["hateful"] == pytest.approx(found.scores["hateful"], abs=1e-5)


def test_tags_speak_with_the_words_and_not_with_the_picture(judge: Judge) -> None:
    tagged, untagged = (_explained(judge, "words", tags=tags) for tags in (("cat",), ()))
    assert tagged.image_alone == untagged.image_alone
    assert tagged.text_alone != untagged.text_alone


@pytest.mark.parametrize(("n_words", "n_asked"), [(3, 8), (6, 64), (30, SHAPLEY_CALLS), (MAX_WORDS_TRIED + 9, 194)])
def test_shapley_values_of_words_ask_a_bounded_number_of_questions(n_words: int, n_asked: int) -> None:
    asked = []

    def game(rows: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        asked.append(len(rows))
        return {"hateful": rows[:, 0] * 0.5 + rows[:, 1] * 0.2 + rows[:, 0] * rows[:, 1] * 0.1}

    words = shapley_effects(" ".join(f"w{number}" for number in range(n_words)), game)
    assert sum(asked) <= n_asked
    assert [word.effects["hateful"] for word in words[:2]] == pytest.approx([0.55, 0.25], abs=0.02)
