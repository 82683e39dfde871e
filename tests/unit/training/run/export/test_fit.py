"""Each modality is fitted on its own rows, or on those that stand for it, and the export says on which."""

from pathlib import Path

import numpy as np
import pytest
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import TinyBundle, tower_spec

from model.modality import MODALITIES, Modality
from model.preprocess import Preprocessor
from model.taxonomy import tasks_named
from training.data.examples import Examples
from training.data.feature_cache import FrozenTower
from training.data.modalities import BOTH, IMAGE_ONLY, TEXT_ONLY, Modalities
from training.datasets import Sample
from training.evaluation.calibrate import CalibrationError, fit_calibration
from training.evaluation.thresholds import parse_targets
from training.run.export.fit import Fitted, PolicyFit
from training.run.modality_rows import ModalityFits

TASKS = tasks_named(["hateful", "protected_class"])
#: Of the logits that are asked for: what is shown tells them apart.
SHIFTS = {BOTH: 0.0, TEXT_ONLY: 1.0, IMAGE_ONLY: -1.0}
Kinds = dict[Modality, int]


def logit(sample: Sample, shown: Modalities) -> float:
    """Noisy, and as sure of a label as a network may be."""
    noise = np.random.default_rng(int(sample.id)).normal()
    return 2.0 * int(sample.id[-1] in "13579") + noise + SHIFTS[shown]


def ask(examples: Examples, shown: Modalities) -> list[np.ndarray]:
    values = np.array([logit(sample, shown) for sample in examples.samples], dtype=np.float32)
    return [values[:, None], np.repeat(values[:, None], 6, axis=1)]


class Sets:
    """Makes sets of so many samples of each modality; every second one is hateful."""

    def __init__(self, tiny: TinyBundle, folder: Path) -> None:
        self._preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
        self._tower = FrozenTower(tiny.parts.image_tower_path, tower_spec(), self._preprocessor, folder, threads=1)
        self._picture = folder / "meme.png"
        picture(1).save(self._picture)

    def __call__(self, kinds: Kinds, one_label: tuple[Modality, ...] = ()) -> Examples:
        samples: list[Sample] = []
        for modality in MODALITIES:
            for _ in range(kinds.get(modality, 0)):
                number = len(samples)
                labels: dict[str, int | tuple[int, ...]] = {
                    "hateful": 0 if modality in one_label else number % 2,
                    "protected_class": (number % 2,),
                }
                text = " " if modality == "image" else "some words"
                image = None if modality == "text" else self._picture
                samples.append(Sample(str(number), "made", "dev", text, labels, image))
        return Examples(samples, TASKS, self._preprocessor, self._tower)


@pytest.fixture
def sets(tiny: TinyBundle, tmp_path: Path) -> Sets:
    return Sets(tiny, tmp_path)


@pytest.mark.parametrize(
    ("kinds", "one_label", "expected"),
    [
        (
            {"both": 40, "text": 30, "image": 10},
            (),
            {
                "both": ("pictures with words", 40),
                "text": ("words alone", 30),
                "image": ("pictures, any words hidden", 50),
            },
        ),
        (
            {"both": 40},
            (),
            {
                "both": ("pictures with words", 40),
                "text": ("pictures with words, the picture hidden", 40),
                "image": ("pictures, any words hidden", 40),
            },
        ),
        (
            {"both": 40, "text": 30},
            ("text",),
            {
                "both": ("pictures with words", 40),
                "text": ("pictures with words, the picture hidden", 40),
                "image": ("pictures, any words hidden", 40),
            },
        ),
        (
            {"text": 30},
            (),
            {
                "both": ("all rows as they are", 30),
                "text": ("words alone", 30),
                "image": ("all rows as they are", 30),
            },
        ),
        (
            {"image": 30},
            (),
            {
                "both": ("all rows as they are", 30),
                "text": ("all rows as they are", 30),
                "image": ("pictures, any words hidden", 30),
            },
        ),
    ],
)
def test_a_modality_is_fitted_on_its_own_rows_or_on_those_that_stand_for_it(
    sets: Sets, kinds: Kinds, one_label: tuple[Modality, ...], expected: dict[Modality, tuple[str, int]]
) -> None:
    examples = sets(kinds, one_label)
    fits = ModalityFits(examples, ask)
    found = {modality: fits.fit(TASKS[0], modality) for modality in MODALITIES}
    assert {one: (fit.rows.title, len(fit.labels)) for one, fit in found.items()} == expected
    for fit in found.values():
        chosen = [sample for sample, mine in zip(examples.samples, fit.rows.chosen, strict=True) if mine]
        logits = np.array([[logit(sample, fit.rows.shown)] for sample in chosen], dtype=np.float32)
        assert fit.spec == fit_calibration(TASKS[0], logits, fit.labels)


def fitted(sets: Sets, targets: list[str], kinds: Kinds, ordinary: Kinds | None = None) -> tuple[Fitted, list[str]]:
    said: list[str] = []
    stream = None if ordinary is None else sets(ordinary)
    fit = PolicyFit(sets(kinds), stream, ask, said.append)
    return fit(["hateful"], parse_targets(targets)), said


def test_an_export_says_what_each_modality_was_fitted_on_and_what_it_expects(sets: Sets) -> None:
    found, said = fitted(sets, ["false_alarm=0.2"], {"both": 80, "text": 60})
    assert set(found.calibration) == {"hateful", "protected_class"}
    assert set(found.thresholds) == {"hateful"}
    assert found.recorded["calibration"]["hateful"]["text"] == {"rows": "words alone", "n": 60}
    told = found.recorded["thresholds"]["hateful"]
    assert {modality: one["false_alarms"]["n"] for modality, one in told.items()} == {
        "both": 40,
        "text": 30,
        "image": 40,
    }
    assert all(one["false_alarms"]["n_of"] <= 0.2 * one["false_alarms"]["n"] for one in told.values())
    assert {one: limits.review for one, limits in found.thresholds["hateful"].items()} == {
        one: told[one]["review"] for one in MODALITIES
    }
    assert "hateful, words alone: fitted on 60 rows (words alone)" in said
    assert sum("expected in review: " in line for line in said) == 3
    assert not [line for line in said if line.startswith("protected_class") and "review" in line]


def test_false_alarms_are_counted_in_the_ordinary_rows_of_each_modality(sets: Sets) -> None:
    found, _ = fitted(sets, ["false_alarm=0.1"], {"both": 80}, {"both": 40, "text": 30})
    told = found.recorded["thresholds"]["hateful"]
    assert {one: share["ordinary"]["n"] for one, share in told.items()} == {"both": 40, "text": 30, "image": 40}
    assert all(share["ordinary"]["n_of"] <= 0.1 * share["ordinary"]["n"] for share in told.values())


def test_an_ordinary_stream_that_has_nothing_of_a_modality_is_refused_by_its_name(sets: Sets) -> None:
    with pytest.raises(CalibrationError, match=r"hateful, pictures with words: false_alarm 0\.1 needs .* are 0"):
        fitted(sets, ["false_alarm=0.1"], {"both": 80, "text": 60}, {"text": 40})
    found, said = fitted(sets, ["recall=0.9"], {"both": 80, "text": 60}, {"text": 40})
    assert found.recorded["thresholds"]["hateful"]["both"]["ordinary"] == {"n_of": 0, "n": 0}
    assert any("expected in review: of none of an ordinary stream" in line for line in said)


def test_a_network_of_words_alone_has_one_threshold_for_all(sets: Sets) -> None:
    found, _ = fitted(sets, ["false_alarm=0.1"], {"text": 60}, {"text": 40})
    assert found.thresholds["hateful"].shared is not None
    assert found.calibration["hateful"].shared is not None
