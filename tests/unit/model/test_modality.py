"""What there is of a meme decides its calibration: the same in the service, in evaluation and in an explanation."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judgements import hateful
from support.preparation import picture
from support.tiny import TASKS, TinyBundle

from model import Judgement, Meme
from model.bundle import Bundle, CalibrationByModality, CalibrationSpec
from model.calibration import probabilities_by_modality, probabilities_of
from model.judge import Judge, Reading
from model.meme import View as Frame
from model.modality import MODALITIES, ByModality, Modality, modality_of, modality_title
from model.runtime import Runtime
from model.verdict import TextEvidence
from training.data.modalities import BOTH, IMAGE_ONLY, TEXT_ONLY
from training.datasets import Sample
from training.evaluation.scoring import FULL, View, score_views

OWN = CalibrationByModality(
    both=CalibrationSpec(scale=1.5, shift=-0.25),
    text=CalibrationSpec(scale=0.5, shift=1.0),
    image=CalibrationSpec(scale=2.0, shift=-2.0),
)
CONTENTS = st.builds(
    lambda words, gap: words + gap, st.sampled_from(["", "words", "a b"]), st.sampled_from(["", " \n"])
)


@pytest.fixture(scope="module")
def bundle(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A calibration of its own for each modality."""
    return tiny.written_anew(tmp_path_factory.mktemp("own") / "bundle", calibration=dict.fromkeys(TASKS, OWN))


@pytest.fixture(scope="module")
def judge(bundle: Bundle) -> Judge:
    return Judge(bundle, Runtime(bundle, threads=1))


@pytest.fixture(scope="module")
def plain(tiny: TinyBundle) -> Judge:
    """The same network with the calibration of ``both`` for all."""
    return Judge(tiny.bundle, Runtime(tiny.bundle, threads=1))


def judged(judge: Judge, text: str, seed: int | None, *, explained: bool = False) -> Judgement:
    meme = Meme(None if seed is None else picture(seed), "digest", text)
    (found,) = judge([Reading(meme, TextEvidence.from_caller(text))], [explained])
    assert isinstance(found, Judgement)
    return found


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def calibrated_as(modality: Modality, of_both: float) -> float:
    """The probability that a score calibrated as ``both`` has in another modality."""
    raw = (logit(of_both) - OWN.both.shift) / OWN.both.scale
    spec = OWN.of(modality)
    return 1 / (1 + math.exp(-(spec.scale * raw + spec.shift)))


@pytest.mark.parametrize(
    ("pictured", "worded", "expected"),
    [(True, True, "both"), (False, True, "text"), (True, False, "image"), (False, False, "text")],
)
def test_a_modality_is_what_there_is_of_a_meme(pictured: bool, worded: bool, expected: Modality) -> None:
    assert modality_of(pictured=pictured, worded=worded) == expected


@given(text=CONTENTS, pictured=st.booleans(), image=st.booleans(), words=st.booleans())
def test_training_and_evaluation_call_a_sample_as_the_service_calls_its_meme(
    text: str, pictured: bool, image: bool, words: bool
) -> None:
    sample = Sample("1", "made", "test", text, {}, image=Path("p.png") if pictured else None)
    shown = Meme(picture(1) if pictured and image else None, "digest", text if words else "")
    expected = modality_of(pictured=shown.image is not None, worded=bool((shown.text or "").strip()))
    whole = (BOTH if image else TEXT_ONLY) & (BOTH if words else IMAGE_ONLY)
    assert whole.of(sample) == View(image, words).modality([sample], 0) == expected


@given(st.lists(st.integers(0, 2), min_size=3, max_size=3))
def test_values_are_told_once_where_all_are_alike(values: list[int]) -> None:
    found = ByModality[int](**dict(zip(MODALITIES, values, strict=True)))
    told = found.told(str)
    assert (found.shared is None) == (len(set(values)) > 1)
    assert told == (
        [str(values[0])]
        if len(set(values)) == 1
        else [f"{modality_title(modality)}: {value}" for modality, value in found.items()]
    )
    assert [found.of(modality) for modality in MODALITIES] == values


@pytest.mark.parametrize(
    ("text", "seed", "modality"), [("ab cd", 1, "both"), ("ab cd", None, "text"), (" ", 1, "image")]
)
def test_a_meme_has_the_calibration_of_what_there_is_of_it(
    judge: Judge, plain: Judge, text: str, seed: int | None, modality: Modality
) -> None:
    found = judged(judge, text, seed)
    assert found.judged_as == modality
    assert hateful(found) == pytest.approx(calibrated_as(modality, hateful(judged(plain, text, seed))), abs=1e-5)


def test_evaluation_gives_each_sample_and_view_the_probability_of_the_service(
    judge: Judge, bundle: Bundle, tmp_path: Path
) -> None:
    picture(1).save(tmp_path / "meme.png")
    pictured = tmp_path / "meme.png"
    samples = [
        Sample("both", "made", "test", "ab cd", {}, image=pictured),
        Sample("text", "made", "test", "ab cd", {}),
        Sample("image", "made", "test", " ", {}, image=pictured),
    ]
    views = {"full": FULL, "words": View(image=False), "picture": View(text=False), "read": View(texts=["", "x", "ef"])}
    scored = score_views(bundle, samples, views, threads=1)
    assert {name: one.modalities for name, one in scored.items()} == {
        "full": ["both", "text", "image"],
        "words": ["text", "text", "text"],
        "picture": ["image", "text", "image"],
        "read": ["image", "text", "both"],
    }
    served = [hateful(judged(judge, text, seed)) for text, seed in (("ab cd", 1), ("ab cd", None), (" ", 1))]
    assert scored["full"].probabilities["hateful"].tolist() == pytest.approx(served, abs=1e-5)
    assert scored["words"].probabilities["hateful"][0] == pytest.approx(served[1], abs=1e-5)
    assert scored["picture"].probabilities["hateful"][0] == pytest.approx(served[2], abs=1e-5)


def test_an_explanation_keeps_the_calibration_of_the_meme_while_it_hides_words_or_picture(
    judge: Judge, plain: Judge
) -> None:
    mine, same = (judged(one, "ab cd", 1, explained=True) for one in (judge, plain))
    assert mine.explanation is not None
    assert same.explanation is not None
    assert mine.explanation == same.explanation
    words, alone = (judged(one, "ab cd", None, explained=True).explanation for one in (judge, plain))
    assert words is not None
    assert alone is not None
    assert words.text_alone is not None
    assert words.text_alone["hateful"] == pytest.approx(hateful(judged(judge, "ab cd", None)), abs=1e-6)
    assert words.words != alone.words


@pytest.mark.parametrize("texts", [("", "ab cd"), ("ab cd", ""), ("ab", "cd"), ("", "")])
def test_of_frames_with_and_without_words_the_calibrated_probability_decides(
    judge: Judge, texts: tuple[str, str]
) -> None:
    frames = tuple(Frame(picture(seed), frame) for frame, seed in enumerate((1, 2)))
    content = "\n".join(filter(None, texts))
    spans = tuple((content.index(text), content.index(text) + len(text)) for text in texts)
    meme = Meme(frames[0].image, "digest", None, views=frames, is_animated=True, n_frames=2)
    (found,) = judge([Reading(meme, TextEvidence(content, "ocr", "ok"), spans=spans)])
    assert isinstance(found, Judgement)
    alone = [judged(judge, text, seed) for text, seed in zip(texts, (1, 2), strict=True)]
    strictest = max(alone, key=hateful)
    assert hateful(found) == pytest.approx(hateful(strictest), abs=1e-5)
    assert found.judged_as == strictest.judged_as
    assert found.picture is not None
    assert found.picture.strictest == alone.index(strictest)
    assert [view.scores["hateful"] for view in found.picture.views] == pytest.approx(
        list(map(hateful, alone)), abs=1e-5
    )


def test_rows_of_several_modalities_have_the_probability_that_each_has_alone(judge: Judge) -> None:
    rng = np.random.default_rng(0)
    for task in judge.bundle.tasks:
        logits = rng.normal(size=(9, task.n_logits)).astype(np.float32)
        shown = [MODALITIES[at % 3] for at in range(9)]
        found = probabilities_by_modality(task, logits, OWN, shown)
        alone = [probabilities_of(task, logits[at : at + 1], OWN.of(one))[0] for at, one in enumerate(shown)]
        assert found.tolist() == np.array(alone).tolist()
