"""What the towers see in a meme, beside its scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from support.preparation import picture
from support.tiny import EMBED_WIDTH, TinyBundle

from model import Judgement, Meme
from model.engine import Engines
from model.judge import Judge, Reading
from model.known.features import MemeFeatures, from_half_bytes, to_half_bytes
from model.known.fingerprint import fingerprint_of
from model.meme import View
from model.runtime import Runtime
from model.verdict import TextEvidence

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen"


def judged(judge: Judge, *readings: Reading) -> list[Judgement]:
    found = [one for one in judge(readings) if isinstance(one, Judgement)]
    assert len(found) == len(readings)
    return found


def features(judge: Judge, *readings: Reading) -> list[MemeFeatures]:
    found = [one.features for one in judged(judge, *readings) if one.features is not None]
    assert len(found) == len(readings)
    return found


def reading(text: str, seed: int | None = None, tags: tuple[str, ...] = ()) -> Reading:
    """``seed`` None: words without a picture."""
    meme = Meme(None if seed is None else picture(seed), f"digest of {text} {seed}", text, tags)
    return Reading(meme, TextEvidence.from_caller(text))


def pooled(tiny: TinyBundle, text: str) -> NDArray[np.float32]:
    """What the torch text tower pools of ``text``."""
    inputs = tiny.bundle.preprocessor.text_inputs([text], [()])
    with torch.inference_mode():
        embeds, _ = tiny.network.text_tower(torch.from_numpy(inputs.input_ids), torch.from_numpy(inputs.attention_mask))
    return np.asarray(embeds.numpy()[0])


@pytest.fixture(scope="module")
def judge(tiny: TinyBundle) -> Judge:
    return Judge(tiny.bundle, Runtime(tiny.bundle, threads=1), features=True, fingerprints=True)


def test_features_are_those_of_both_towers(tiny: TinyBundle, judge: Judge) -> None:
    (found,) = features(judge, reading("some words", 1, ("cat",)))
    assert found.text == pytest.approx(pooled(tiny, "some words"), abs=1e-5)
    pixels = tiny.bundle.preprocessor.pixels(picture(1))[None]
    assert found.image == pytest.approx(judge.runtime.encode_images(pixels).embeds[0], abs=1e-6)
    assert np.asarray(found.image).shape == (EMBED_WIDTH,)


def test_a_batch_gives_each_meme_its_own(judge: Judge) -> None:
    batch = [reading("one", 1), reading("two"), reading("", 2), reading(LONG, 3)]
    for one, together in zip(batch, features(judge, *batch), strict=True):
        (alone,) = features(judge, one)
        assert (together.image is None) == (one.meme.image is None)
        assert (together.text is None) == (not one.text.content)
        for name in ("image", "text"):
            expected = getattr(alone, name)
            assert expected is None or getattr(together, name) == pytest.approx(expected, abs=1e-5)


def test_tags_are_no_part_of_the_words(judge: Judge) -> None:
    plain, tagged = features(judge, reading("words", 1), reading("words", 1, ("cat", "a dog")))
    assert plain.text == pytest.approx(tagged.text, abs=1e-6)


def test_of_long_words_the_mean_of_their_windows_counts(tiny: TinyBundle, judge: Judge) -> None:
    windows = tiny.bundle.preprocessor.windows(LONG, 40).spans
    assert len(windows) > 1
    (found,) = features(judge, reading(LONG))
    expected = np.mean([pooled(tiny, LONG[start:end]) for start, end in windows], axis=0)
    assert found.text == pytest.approx(expected, abs=1e-5)


def test_of_an_animation_the_first_view_counts_and_its_words_once(judge: Judge) -> None:
    views = tuple(View(picture(seed), frame) for frame, seed in enumerate((1, 2, 3)))
    meme = Meme(views[0].image, "digest", "some words", views=views, is_animated=True, n_frames=9)
    (moving,) = features(judge, Reading(meme, TextEvidence.from_caller("some words")))
    (still,) = features(judge, reading("some words", 1))
    assert moving.image == pytest.approx(still.image, abs=1e-6)
    assert moving.text == pytest.approx(still.text, abs=1e-5)


def test_words_of_each_view_count_once(tiny: TinyBundle, judge: Judge) -> None:
    views = tuple(View(picture(seed), frame) for frame, seed in enumerate((1, 2, 3)))
    meme = Meme(views[0].image, "digest", views=views, is_animated=True, n_frames=3)
    read = Reading(meme, TextEvidence.from_caller("cat\na dog"), spans=((0, 3), (4, 9), (0, 3)))
    (found,) = features(judge, read)
    expected = (pooled(tiny, "cat") + pooled(tiny, "a dog")) / 2
    assert found.text == pytest.approx(expected, abs=1e-5)


def test_who_does_not_ask_gets_none_and_the_same_scores(tiny: TinyBundle, judge: Judge) -> None:
    plain = Judge(tiny.bundle, Runtime(tiny.bundle, threads=1))
    (without,), (with_them,) = judged(plain, reading("words", 1)), judged(judge, reading("words", 1))
    assert (without.features, without.fingerprint) == (None, None)
    assert without.scores == with_them.scores


def test_a_judgement_has_the_fingerprint_of_its_meme(judge: Judge) -> None:
    read = reading("words", 1)
    pictured, worded = judged(judge, read, reading("words"))
    assert pictured.fingerprint == fingerprint_of(read.meme, "words")
    assert worded.fingerprint is not None
    assert worded.fingerprint.pdq is None


def test_a_bundle_whose_head_keeps_its_text_gives_the_picture_alone(
    tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    head = tiny.parts.head.model_copy(update={"text_output": None, "text_width": None})
    older = tiny.written_anew(tmp_path_factory.mktemp("older") / "bundle", head=head)
    assert "text_output" not in (older.path / "manifest.json").read_text()
    (found,) = features(Judge(older, Runtime(older, threads=1), features=True), reading("words", 1))
    assert found.text is None
    assert found.image is not None


@pytest.mark.slow
def test_openvino_gives_the_same_features(tiny: TinyBundle, judge: Judge) -> None:
    other = Judge(tiny.bundle, Runtime(tiny.bundle, engine=Engines("openvino", "openvino", None)), features=True)
    batch = [reading("one", 1), reading(LONG, 2, ("cat",))]
    for one, same in zip(features(judge, *batch), features(other, *batch), strict=True):
        assert one.image == pytest.approx(same.image, abs=1e-4)
        assert one.text == pytest.approx(same.text, abs=1e-4)


@given(arrays.arrays(np.float32, st.integers(1, 9), elements=st.floats(-9e6, 9e6, width=32)))
def test_a_kept_feature_is_itself_within_the_precision_of_a_half(values: NDArray[np.float32]) -> None:
    kept = to_half_bytes(values)
    assert kept is not None
    assert len(kept) == 2 * len(values)
    found = from_half_bytes(kept)
    assert found is not None
    assert found == pytest.approx(values.clip(-65504, 65504), rel=1e-3, abs=1e-7)
    assert found.dtype == np.float32


def test_an_absent_feature_is_kept_as_none() -> None:
    assert to_half_bytes(None) is None
    assert from_half_bytes(None) is None


def test_judgements_can_be_compared(judge: Judge) -> None:
    (one,) = judged(judge, reading("words", 1))
    assert one == replace(one, features=None)
