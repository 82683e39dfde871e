"""CLIP-style zero-shot: memes against sentences that describe the classes (Radford et al. 2021).

Nothing is fitted. It needs towers that live in one space; with any other pair the cosine of a picture and a sentence
means nothing, and there is no such baseline.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec
from model.calibration import probabilities_of
from model.preprocess import Preprocessor
from model.taxonomy import Task
from training.baselines.towers import FrozenFeatures, FrozenTowers

#: CLIP's own temperature after training.
_LOGIT_SCALE = 100.0
#: CLIP cannot negate, so these classes are described by what they are.
_PHRASES = {"not_hateful": "a harmless meme", "not_offensive": "a harmless meme", "not_funny": "a serious meme"}

ZeroShot = Callable[[FrozenFeatures], NDArray[np.float64]]


def descriptions(task: Task) -> list[str]:
    """A sentence a class, in the taxonomy's order."""
    return [_PHRASES.get(name, f"a {name.replace('_', ' ')} meme") for name in task.classes]


def why_not(task: Task, towers: FrozenTowers) -> str | None:
    """Why there is no zero-shot baseline here; None when there is one."""
    if not towers.one_space:
        return "the backbone's two towers were not trained into one space"
    if task.kind == "multilabel":
        return "a multilabel task has no one sentence that its classes compete for"
    return None


def zero_shot(task: Task, towers: FrozenTowers, preprocessor: Preprocessor) -> ZeroShot:
    """Probabilities from the cosine of each class's sentence with the picture and with the words, averaged over both.

    A meme without one of the two is judged by the other.
    """
    tokens = preprocessor.text_inputs(descriptions(task), [()] * len(task.classes))
    sentences = towers.texts(tokens.input_ids, tokens.attention_mask)

    def probabilities(features: FrozenFeatures) -> NDArray[np.float64]:
        # Rows of zeros add nothing, and the mean is taken over what is there.
        n_views = np.maximum(1, features.has_image.astype(int) + features.has_text.astype(int))
        cosines = (features.image @ sentences.T + features.text @ sentences.T) / n_views[:, None]
        logits = _LOGIT_SCALE * cosines
        if task.kind == "binary":
            logits = logits[:, 1:] - logits[:, :1]
        return probabilities_of(task, logits, CalibrationSpec(scale=1.0))

    return probabilities
