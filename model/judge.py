"""The judge: memes whose words are known become judgements, with an explanation of those that are asked about."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.bundle import Bundle
from model.calibration import calibrated
from model.errors import MemeguardError
from model.explain import Rescore, explain
from model.meme import Meme
from model.runtime import ImageFeatures, Logits, Runtime
from model.verdict import Judgement, ModelRef, Score, TextEvidence

#: Texts that the network scores at once for an explanation.
_BATCH = 16


class ScoringError(MemeguardError):
    """The network gave a meme no finite score."""

    code = "no_score"


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
            explanation = None
            if explained and explained[row]:
                rescore = self._rescorer(reading, features.rows([row]))
                explanation = explain(reading.text.content, rescore, has_image=reading.meme.image is not None)
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

    def _rescorer(self, reading: Reading, features: ImageFeatures) -> Rescore:
        """What scores the same meme again with other texts, from the features [1, ...] that its picture already has."""

        def rescore(texts: Sequence[str], *, pictured: bool = True, tagged: bool = True) -> list[dict[str, Score]]:
            shown = pictured and reading.meme.image is not None
            row = features if shown else self.runtime.no_features(1)
            tags = reading.meme.tags if tagged else ()
            found = []
            for at in range(0, len(texts), _BATCH):
                part = texts[at : at + _BATCH]
                inputs = self.bundle.preprocessor.text_inputs(part, [tags] * len(part))
                mask = np.full(len(part), int(shown), dtype=np.int64)
                logits = self.runtime.head(row.rows([0] * len(part)), mask, inputs)
                found += [self.scores(logits, index) for index in range(len(part))]
            return found

        return rescore
