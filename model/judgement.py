"""Memes whose words are known become judgements: arrays, logits, calibrated scores, and on request an explanation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.bundle import Bundle
from model.decision import calibrated
from model.explain import explain
from model.meme import Meme
from model.runtime import ImageFeatures, Logits, Runtime
from model.verdict import Judgement, ModelRef, Score, TextEvidence


class ScoringError(RuntimeError):
    """The network gave a meme no finite score."""


@dataclass(frozen=True)
class Reading:
    """A meme and the words that it will be judged by. ``ocr_ms`` is 0 when they came with the request."""

    meme: Meme
    text: TextEvidence
    ocr_ms: float = 0.0


class Judge:
    """One bundle's network and calibration. Safe under threads."""

    def __init__(self, bundle: Bundle, runtime: Runtime) -> None:
        self.bundle = bundle
        self.runtime = runtime
        self.model = ModelRef(bundle.manifest.name, bundle.manifest.version, bundle.digest)

    def __call__(self, readings: Sequence[Reading], explained: Sequence[bool] = ()) -> list[Judgement | ScoringError]:
        """Judge a batch, in order. ``explained`` says for each reading whether it gets an explanation (default: none).

        A meme whose logits are not finite gets an error in its place: no score is no ground for a decision.
        """
        if not readings:
            return []
        features, logits, shared_ms = self._run(readings)
        judged: list[Judgement | ScoringError] = []
        for row, reading in enumerate(readings):
            if not all(np.isfinite(values[row]).all() for values in logits.values()):
                judged.append(ScoringError("the network gave no finite score for this meme"))
                continue
            wanted = bool(explained) and explained[row]
            explanation = explain(self, reading, features.rows([row])) if wanted else None
            timings_ms = {"ocr": reading.ocr_ms, **shared_ms}
            scores = self.scores(logits, row)
            judged.append(Judgement(reading.meme.digest, scores, reading.text, self.model, timings_ms, explanation))
        return judged

    def scores(self, logits: Logits, row: int) -> dict[str, Score]:
        """Calibrated scores of one row, by task."""
        calibration = self.bundle.manifest.calibration
        return {
            task.name: calibrated(task, logits[task.name][row], calibration[task.name]) for task in self.bundle.tasks
        }

    def _run(self, readings: Sequence[Reading]) -> tuple[ImageFeatures, Logits, dict[str, float]]:
        """What the network makes of a batch, and the time in ms that it took, of which each meme is told its share."""
        started = time.perf_counter()
        memes = [reading.meme for reading in readings]
        inputs = self.bundle.preprocessor(memes, [reading.text.content for reading in readings])
        prepared = time.perf_counter()
        features = self.runtime.encode_images(inputs.pixel_values, inputs.image_mask)
        logits = self.runtime.head(features, inputs.image_mask, inputs.text)
        finished = time.perf_counter()
        took_s = {"preprocess": prepared - started, "model": finished - prepared}
        return features, logits, {part: seconds * 1000 / len(memes) for part, seconds in took_s.items()}
