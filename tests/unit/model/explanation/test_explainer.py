"""Explanations of a meme by a network of random weights: what each level tells, and what hiding means to it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.judgements import hateful
from support.preparation import picture
from support.tiny import TinyBundle

from model import Judgement, Meme
from model.budget import Budget
from model.explanation.explainer import Explainer
from model.explanation.game import Players
from model.explanation.regions import covered, grid, tokens_of
from model.explanation.rescoring import HiddenIn, Rescorer, ShownPart, TimeIsOverError
from model.judge import Judge, Reading
from model.parts.pooling import Logits
from model.parts.windows import Span
from model.picture.views import View
from model.runtime import ImageFeatures, Question, Runtime
from model.verdict import ExplainLevel, Explanation, TextEvidence

TEXT = "red gre blu"
WORDS: tuple[Span, ...] = ((0, 3), (4, 7), (8, 11))
IMAGE = picture(1)


@pytest.fixture(scope="module")
def runtime(tiny: TinyBundle) -> Runtime:
    return Runtime(tiny.bundle, threads=1)


@pytest.fixture(scope="module")
def part(tiny: TinyBundle, runtime: Runtime) -> ShownPart:
    features = runtime.encode_images(tiny.bundle.preprocessor.pixels(IMAGE)[None])
    return ShownPart(TEXT, (), "both", features, IMAGE)


@pytest.fixture(scope="module")
def rescorer(tiny: TinyBundle, runtime: Runtime, part: ShownPart) -> Rescorer:
    return Rescorer(tiny.bundle, runtime, part, Budget(math.inf))


@pytest.fixture(scope="module")
def judge(tiny: TinyBundle, runtime: Runtime) -> Judge:
    return Judge(tiny.bundle, runtime)


def _explained(judge: Judge, meme: Meme, level: ExplainLevel) -> Explanation:
    (found,) = judge([Reading(meme, TextEvidence.from_caller(meme.text or ""))], [level])
    assert isinstance(found, Judgement)
    assert found.explanation is not None
    return found.explanation


def _score(rescorer: Rescorer, text: str, *, pictured: bool = True) -> float:
    score = rescorer([text], pictured=pictured)[0]["hateful"]
    assert isinstance(score, float)
    return score


@pytest.mark.parametrize("hidden_in", ["features", "pixels"])
def test_a_game_is_worth_what_the_network_says_of_what_is_shown(rescorer: Rescorer, hidden_in: HiddenIn) -> None:
    players = Players(WORDS, grid(2))
    rows = np.ones((5, 7), dtype=bool)
    rows[1, 3:] = False  # no picture
    rows[2, 1] = False  # without a word
    rows[3, :3] = False  # no words
    found = rescorer.game(players, hidden_in)(rows)["hateful"]
    expected = [_score(rescorer, TEXT), _score(rescorer, TEXT, pictured=False), _score(rescorer, "red  blu")]
    assert found == pytest.approx([*expected, _score(rescorer, "  "), expected[0]], abs=1e-5)
    assert len(set(found.round(4))) == 4


def test_a_region_hidden_in_the_features_leaves_its_patches_out(
    tiny: TinyBundle, runtime: Runtime, part: ShownPart, rescorer: Rescorer
) -> None:
    regions = grid(2)
    assert part.features is not None
    left_out = tokens_of(regions, 16, (0, 0, 32, 32), 32)[1]
    features = ImageFeatures(part.features.embeds, part.features.patches[:, ~left_out])
    without = Rescorer(tiny.bundle, runtime, ShownPart(TEXT, (), "both", features, IMAGE), Budget(math.inf))
    found = rescorer.game(Players(regions=regions), "features")(np.array([[True, False, True, True]]))["hateful"]
    assert found == pytest.approx([_score(without, TEXT)], abs=1e-5)
    assert abs(found[0] - _score(rescorer, TEXT)) > 1e-4


def test_a_region_hidden_in_the_pixels_is_covered_and_the_picture_encoded_anew(
    tiny: TinyBundle, runtime: Runtime, rescorer: Rescorer
) -> None:
    regions = grid(2)
    pixels = covered(tiny.bundle.preprocessor.pixels(IMAGE), [regions[1]], (0, 0, 32, 32))
    shown = ShownPart(TEXT, (), "both", runtime.encode_images(pixels[None]), IMAGE)
    without = Rescorer(tiny.bundle, runtime, shown, Budget(math.inf))
    found = rescorer.game(Players(regions=regions), "pixels")(np.array([[True, False, True, True]]))["hateful"]
    assert found == pytest.approx([_score(without, TEXT)], abs=1e-5)
    assert abs(found[0] - _score(rescorer, TEXT)) > 1e-4


@pytest.mark.parametrize(("level", "n_regions"), [("words", 0), ("regions", 16), ("full", 16)])
def test_each_level_tells_what_the_one_before_it_does(judge: Judge, level: ExplainLevel, n_regions: int) -> None:
    meme = Meme(IMAGE, "digest", TEXT)
    words, found = _explained(judge, meme, "words"), _explained(judge, meme, level)
    assert (found.text_alone, found.image_alone) == (words.text_alone, words.image_alone)
    assert {word.text for word in found.words} == {word.text for word in words.words}
    assert len(found.regions) == n_regions
    assert found.detail is None


def test_words_are_left_out_but_for_full_which_tells_their_shapley_values(judge: Judge, rescorer: Rescorer) -> None:
    meme = Meme(IMAGE, "digest", TEXT)
    left_out, shapley = _explained(judge, meme, "regions"), _explained(judge, meme, "full")
    assert (left_out.method, shapley.method) == ("left_out", "shapley")
    whole = _score(rescorer, TEXT)
    alone = {word.text: whole - _score(rescorer, TEXT.replace(word.text, "")) for word in left_out.words}
    assert {word.text: word.effects["hateful"] for word in left_out.words} == pytest.approx(alone, abs=1e-5)
    total = sum(word.effects["hateful"] for word in shapley.words)
    assert total == pytest.approx(whole - _score(rescorer, "  "), abs=1e-5)
    assert total != pytest.approx(sum(alone.values()), abs=1e-4)


def test_pairs_are_words_with_regions_and_what_both_do_beyond_what_each_does(judge: Judge, rescorer: Rescorer) -> None:
    found = _explained(judge, Meme(IMAGE, "digest", TEXT), "full")
    pair = found.pairs[0]
    assert pair.text == TEXT[pair.start : pair.end]
    assert pair.box in [region.box for region in found.regions]
    assert len(found.pairs) == 10
    effects = [abs(one.effects["hateful"]) for one in found.pairs]
    assert effects == sorted(effects, reverse=True)
    strongest = sorted(found.regions, key=lambda region: -abs(region.effects["hateful"]))[:4]
    assert {one.box for one in found.pairs} <= {region.box for region in strongest}


class _CountingRuntime(Runtime):
    """Counts the pictures that it encodes and the questions that it is asked."""

    n_encoded = n_asked = 0

    def encode_images(self, pixel_values: NDArray[np.float32], image_mask: Any = None) -> ImageFeatures:
        self.n_encoded += len(pixel_values)
        return super().encode_images(pixel_values, image_mask)

    def ask(self, features: ImageFeatures, image_mask: Any, questions: Sequence[Question], batch_size: int) -> Logits:
        self.n_asked += len(questions)
        return super().ask(features, image_mask, questions, batch_size)


@pytest.mark.parametrize(
    ("level", "n_encoded", "n_asked"), [("words", 0, 6), ("regions", 16, 6 + 17), ("full", 27, 6 + 8 + 17 + 128)]
)
def test_what_an_explanation_costs_is_bounded(
    tiny: TinyBundle, part: ShownPart, level: ExplainLevel, n_encoded: int, n_asked: int
) -> None:
    runtime = _CountingRuntime(tiny.bundle, threads=1)
    Explainer(tiny.bundle, runtime)(part, level, Budget(math.inf))
    assert (runtime.n_encoded, runtime.n_asked) == (n_encoded, n_asked)


def test_regions_are_told_in_pixels_of_the_picture_row_by_row(judge: Judge) -> None:
    regions = _explained(judge, Meme(IMAGE, "digest", TEXT), "regions").regions
    assert [region.box for region in regions[:2]] == [(0, 0, 10, 6), (10, 0, 20, 6)]
    assert regions[-1].box == (30, 18, *IMAGE.size)
    assert {task for region in regions for task in region.effects} == {"hateful"}


def test_words_that_stand_alone_have_no_regions(judge: Judge) -> None:
    found = _explained(judge, Meme(None, "digest", TEXT), "full")
    assert (found.regions, found.pairs, found.detail) == ((), (), None)
    assert (len(found.words), found.method) == (3, "shapley")


def test_a_picture_without_words_has_regions_and_no_pairs(judge: Judge) -> None:
    found = _explained(judge, Meme(IMAGE, "digest", " "), "full")
    assert len(found.regions) == 16
    assert (found.words, found.pairs) == ((), ())


def test_regions_are_of_the_view_that_decided(judge: Judge) -> None:
    alone = judge([_reading(View(picture(seed))) for seed in (1, 2)])
    scores = [hateful(one) for one in alone if isinstance(one, Judgement)]
    views = tuple(View(picture(seed), frame=at) for at, seed in enumerate((1, 2)))
    (found,) = judge([_reading(*views)], ["regions"])
    assert isinstance(found, Judgement)
    assert found.explanation is not None
    assert {region.view for region in found.explanation.regions} == {scores.index(max(scores))}


def _reading(*views: View) -> Reading:
    meme = Meme(views[0].image, "digest", TEXT, views=views if len(views) > 1 else ())
    return Reading(meme, TextEvidence.from_caller(TEXT))


class _Budget(Budget):
    """Is spent after being asked so often."""

    def __init__(self, times: int) -> None:
        super().__init__(math.inf)
        self._left = times

    @property
    def is_spent(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_without_time_the_network_is_not_asked(tiny: TinyBundle, runtime: Runtime, part: ShownPart) -> None:
    rescorer = Rescorer(tiny.bundle, runtime, part, _Budget(0))
    with pytest.raises(TimeIsOverError):
        rescorer([TEXT])
    with pytest.raises(TimeIsOverError):
        rescorer.game(Players(regions=grid(2)), "pixels")(np.eye(4, dtype=bool))


@pytest.mark.parametrize(
    ("times", "missing"),
    [
        (0, "words"),
        (3, "words by their Shapley values"),
        (4, "regions"),
        (11, "regions"),
        (23, "words and regions together"),
    ],
)
def test_what_there_was_no_time_for_is_named_and_the_rest_is_told(
    tiny: TinyBundle, runtime: Runtime, part: ShownPart, times: int, missing: str
) -> None:
    found = Explainer(tiny.bundle, runtime)(part, "full", _Budget(times))
    assert found.detail == f"the time was over before the effects of {missing} were known"
    assert bool(found.words) == (missing != "words")
    assert bool(found.regions) == ("together" in missing)
    assert found.pairs == ()
    assert found.method == ("shapley" if "regions" in missing else "left_out")
