"""Decisions of the bundle's policy on labelled memes, each by the thresholds of what there is of it."""

import numpy as np
import pytest
from support.tiny import TinyBundle

from model.bundle import Bundle, Thresholds, ThresholdsByModality
from model.modality import MODALITIES, Modality
from training.datasets import Sample
from training.evaluation.decisions import decide_all, decisions, review_bounds
from training.evaluation.report.wording import policy_bounds
from training.evaluation.scoring import Scored

OWN = ThresholdsByModality(
    both=Thresholds(review=0.4, block=0.8),
    text=Thresholds(review=0.6, block=None),
    image=Thresholds(review=0.2, block=0.3),
)
SHOWN: list[Modality] = [modality for modality in MODALITIES for _ in range(3)]
LABELS = np.array([0, 1] * 4 + [0])
SCORES = np.array([0.1, 0.5, 0.9] * 3)


@pytest.fixture
def bundle(tiny: TinyBundle) -> Bundle:
    manifest = tiny.bundle.manifest.model_copy(update={"thresholds": {"hateful": OWN}})
    return Bundle(tiny.bundle.path, manifest, tiny.bundle.digest, tiny.bundle.tasks, tiny.bundle.preprocessor)


def test_each_sample_is_held_against_the_thresholds_of_what_was_shown_of_it(bundle: Bundle) -> None:
    samples = [Sample(str(at), "made", "test", "words", {"hateful": at % 2}) for at in range(9)]
    scored = Scored(samples, {}, {"hateful": SCORES}, SHOWN, [], 0.0)
    chosen = decide_all(bundle, scored)
    assert chosen == ["allow", "review", "block", "allow", "allow", "review", "allow", "block", "block"]
    found = decisions(OWN, ("no", "yes"), chosen, LABELS, LABELS == 0, SHOWN)
    assert (found.thresholds, found.by_modality) == (OWN.both, dict(OWN.items()))
    assert found.false_alarms.value == pytest.approx(2 / 5)
    assert found.counts == {"allow": 4, "review": 2, "block": 3}
    assert policy_bounds(found) == {
        "review (pictures with words)": 0.4,
        "block (pictures with words)": 0.8,
        "review (words alone)": 0.6,
        "review (pictures alone)": 0.2,
        "block (pictures alone)": 0.3,
    }
    alone = decisions(OWN, ("no", "yes"), chosen[3:6], LABELS[3:6], LABELS[3:6] == 0, SHOWN[3:6])
    assert (alone.by_modality, policy_bounds(alone)) == ({"text": OWN.text}, {"review": 0.6})


def test_the_review_bound_of_each_row_is_that_of_its_modality_and_none_where_the_policy_has_no_say(
    bundle: Bundle,
) -> None:
    found = review_bounds(bundle, "hateful", SHOWN)
    assert found is not None
    assert found.tolist() == [0.4] * 3 + [0.6] * 3 + [0.2] * 3
    assert review_bounds(bundle, "offensive", SHOWN) is None
