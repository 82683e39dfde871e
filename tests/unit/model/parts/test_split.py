"""Parts of one meme, and the highest of what the network says of them."""

import numpy as np
import pytest
from support.judgements import hateful
from support.preparation import picture
from support.tiny import TinyBundle

from model import Judgement, Meme
from model.judge import Judge, Reading
from model.meme import View
from model.parts.pooling import pool
from model.parts.split import MAX_PARTS, parts_of
from model.parts.windows import Windows
from model.runtime import Runtime
from model.taxonomy import tasks_named
from model.verdict import TextEvidence


def _by_tens(text: str, most: int) -> Windows:
    """Windows of ten characters."""
    spans = tuple((at, min(at + 10, len(text))) for at in range(0, max(1, len(text)), 10))[:most]
    return Windows(spans, spans[-1][1])


@pytest.fixture(scope="module")
def judge(tiny: TinyBundle) -> Judge:
    return Judge(tiny.bundle, Runtime(tiny.bundle, threads=1))


def _judged(judge: Judge, *readings: Reading) -> list[Judgement]:
    found = [one for one in judge(readings) if isinstance(one, Judgement)]
    assert len(found) == len(readings)
    return found


def _animation(*seeds: int, text: str | None = None) -> Meme:
    views = tuple(View(picture(seed), frame) for frame, seed in enumerate(seeds))
    return Meme(views[0].image, "digest", text, views=views, is_animated=True, n_frames=9)


def test_all_words_go_with_the_first_view_and_as_many_as_fit_with_the_others() -> None:
    found = parts_of("x" * 400, 4, (), _by_tens)
    assert len(found.parts) <= MAX_PARTS
    assert {part.start for part in found.parts if part.view == 0} == set(range(0, 400, 10))
    assert {part.view for part in found.parts} == {0, 1, 2, 3}
    assert found.judged_chars == 400


def test_each_view_goes_with_its_own_words() -> None:
    found = parts_of("first frame\nlast", 2, ((0, 11), (12, 16)), _by_tens)
    assert [(part.view, part.start, part.end) for part in found.parts] == [(0, 0, 10), (0, 10, 11), (1, 12, 16)]


def test_words_beyond_the_parts_of_a_view_are_counted_as_not_judged_once() -> None:
    content = "x" * 1000
    found = parts_of(content, 8, ((0, 1000),) * 8, _by_tens)
    assert len(found.parts) == MAX_PARTS
    assert found.judged_chars == 80


def test_the_highest_logit_counts_and_classes_that_exclude_each_other_come_from_one_part() -> None:
    tasks = tasks_named(["hateful", "memotion_sentiment", "protected_class"])
    logits = {
        "hateful": np.array([[0.0], [2.0], [1.0]], dtype=np.float32),
        "memotion_sentiment": np.array([[9, 0, 0], [1, 2, 3], [0, 9, 0]], dtype=np.float32),
        "protected_class": np.array([[5, 0, 0, 0, 0, 0], [0, 4, 0, 0, 0, 0], [0, 0, 3, 0, 0, 0]], dtype=np.float32),
    }
    found = pool(tasks, logits)
    assert found.logits["hateful"].tolist() == [[2.0]]
    assert found.logits["memotion_sentiment"].tolist() == [[1, 2, 3]]
    assert found.logits["protected_class"].tolist() == [[5, 4, 3, 0, 0, 0]]
    assert (found.leading, found.deciding["hateful"], found.deciding["protected_class"]) == (1, 1, 0)


def test_a_meme_attacks_nobody_only_where_no_part_of_it_attacks_somebody() -> None:
    logits = np.array([[-5, -6, -7, -8, -9, 8], [3, -6, -7, -8, -9, -4], [-5, 2, -7, -8, -9, -1]], dtype=np.float32)
    found = pool(tasks_named(["target"]), {"target": logits})
    assert found.logits["target"].dtype == np.float32
    assert found.logits["target"].tolist() == [[3, 2, -7, -8, -9, -4]]
    assert found.deciding["target"] == 1
    assert pool(tasks_named(["target"]), {"target": logits[:1]}).logits["target"].tolist() == logits[:1].tolist()


def test_words_behind_the_first_window_count(judge: Judge) -> None:
    texts = [f"{'a b c d e f g h ' * 3}{end}" for end in ("x y z", "q w v")]
    first, second = _judged(judge, *(Reading(Meme.from_text(text), TextEvidence.from_caller(text)) for text in texts))
    alone = [
        max(
            hateful(one)
            for one in _judged(
                judge,
                *(
                    Reading(Meme.from_text(text[start:end]), TextEvidence.from_caller(text[start:end]))
                    for start, end in judge.bundle.preprocessor.windows(text).spans
                ),
            )
        )
        for text in texts
    ]
    assert [hateful(first), hateful(second)] == pytest.approx(alone, abs=1e-5)
    assert (first.text.status, first.text.judged_chars) == ("ok", len(texts[0]))


def test_a_text_of_too_many_windows_is_partial_and_says_how_far_it_was_judged(judge: Judge) -> None:
    text = "ab cd " * 200
    (found,) = _judged(judge, Reading(Meme.from_text(text), TextEvidence.from_caller(text)))
    assert found.text.status == "partial"
    assert 0 < found.text.judged_chars < len(text)
    assert found.text.detail == f"{found.text.judged_chars} of {len(text)} characters were judged"


def test_the_strictest_frame_counts_and_is_named(judge: Judge) -> None:
    seeds = (1, 2, 3)
    stills = [
        _judged(judge, Reading(Meme(picture(seed), "digest", "words"), TextEvidence.from_caller("words")))[0]
        for seed in seeds
    ]
    (found,) = _judged(judge, Reading(_animation(*seeds, text="words"), TextEvidence.from_caller("words")))
    scores = [hateful(one) for one in stills]
    assert hateful(found) == pytest.approx(max(scores), abs=1e-5)
    assert found.picture is not None
    assert found.picture.strictest == scores.index(max(scores))
    assert [view.frame for view in found.picture.views] == [0, 1, 2]
    assert [view.scores["hateful"] for view in found.picture.views] == pytest.approx(scores, abs=1e-5)
    assert (found.picture.is_animated, found.picture.n_frames) == (True, 9)


def test_a_frame_is_judged_with_its_own_words(judge: Judge) -> None:
    meme = _animation(1, 2)
    text = TextEvidence("one\ntwo", "ocr", "ok", judged_chars=7)
    (found,) = _judged(judge, Reading(meme, text, spans=((0, 3), (4, 7))))
    alone = [
        hateful(_judged(judge, Reading(Meme(picture(seed), "digest", words), TextEvidence.from_caller(words)))[0])
        for seed, words in ((1, "one"), (2, "two"))
    ]
    assert hateful(found) == pytest.approx(max(alone), abs=1e-5)
    assert found.picture is not None
    assert [view.text for view in found.picture.views] == ["one", "two"]


def test_a_picture_of_which_not_all_was_seen_says_so(judge: Judge) -> None:
    meme = Meme(picture(1), "digest", "words", not_seen="12 of 20 distinct frames", damage="no end marker")
    (found,) = _judged(judge, Reading(meme, TextEvidence.from_caller("words")))
    assert found.picture is not None
    assert (found.picture.status, found.picture.detail) == ("partial", "12 of 20 distinct frames")
    assert found.picture.damage == "no end marker"
    assert found.picture.views == ()


def test_words_alone_have_no_picture(judge: Judge) -> None:
    (found,) = _judged(judge, Reading(Meme.from_text("words"), TextEvidence.from_caller("words")))
    assert found.picture is None
