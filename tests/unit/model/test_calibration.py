"""One definition of a calibrated probability, by rows for training and one by one for serving."""

import math

import numpy as np
import pytest

from model.bundle import CalibrationSpec
from model.calibration import calibrated_logits, probabilities_of, score_of
from model.taxonomy import TASKS

SPEC = CalibrationSpec(scale=0.83, shift=-0.41)


@pytest.mark.parametrize("name", ["hateful", "memotion_sentiment", "attack"])
def test_many_rows_at_once_have_the_very_probabilities_of_each_row_alone(name: str) -> None:
    task = TASKS[name]
    logits = (np.random.default_rng(3).standard_normal((50, task.n_logits)) * 20).astype(np.float32)
    alone = [score_of(task, calibrated_logits(row, SPEC)) for row in logits]
    plain = [list(score.values()) if isinstance(score, dict) else score for score in alone]
    assert probabilities_of(task, logits, SPEC).tolist() == plain
    assert probabilities_of(task, logits[:0], SPEC).shape == (0,) + ((len(task.classes),) if task.n_logits > 1 else ())


def test_a_binary_probability_is_the_sigmoid_of_the_scaled_and_shifted_logit() -> None:
    (found,) = probabilities_of(TASKS["hateful"], np.array([[1.5]], dtype=np.float32), SPEC)
    assert found == pytest.approx(1 / (1 + math.exp(-(0.83 * 1.5 - 0.41))), abs=1e-15)


def test_probabilities_of_several_classes_are_a_softmax_and_add_up_to_one() -> None:
    logits = np.array([[2.0, 0.0, -1.0]], dtype=np.float32)
    found = probabilities_of(TASKS["memotion_sentiment"], logits, SPEC)
    assert found.sum() == pytest.approx(1)
    assert np.log(found[0, 0] / found[0, 1]) == pytest.approx(0.83 * 2)
    huge = probabilities_of(TASKS["memotion_sentiment"], logits * 1e4, SPEC)
    assert huge.tolist() == [[1.0, 0.0, 0.0]]
