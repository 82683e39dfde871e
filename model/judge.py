"""The judge: memes whose words are known become judgements, with an explanation of those that are asked about.

A meme is judged in parts: each window of its words with each view of its picture. The highest score counts.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.budget import Budget
from model.bundle import Bundle
from model.calibration import calibrated_by_modality, score_of
from model.engine import EngineName
from model.errors import MemeguardError
from model.explanation.explainer import Explainer
from model.explanation.merging import merged, shifted
from model.explanation.rescoring import ShownPart
from model.known.features import MemeFeatures
from model.known.fingerprint import Fingerprint, fingerprint_of
from model.meme import has_words
from model.modality import Modality, modality_of
from model.parts.pooling import Logits, Pooled, pool
from model.parts.reading import Reading
from model.parts.split import Parts, parts_of
from model.runtime import ImageFeatures, Question, Runtime
from model.verdict import (
    Explain,
    ExplainLevel,
    Explanation,
    Judgement,
    ModelRef,
    PictureEvidence,
    Score,
    TextEvidence,
    ViewEvidence,
    explain_level,
    worst_status,
)

#: Parts that go through the head at once.
_BATCH = 16
#: An explanation asks the network about a hundred texts for each, and about regions of the picture where it is asked.
_MOST_PARTS_EXPLAINED = 2

#: By task, float64 [N, n_logits].
Calibrated = dict[str, NDArray[np.float64]]

__all__ = ["Judge", "Reading", "ScoringError"]


class ScoringError(MemeguardError):
    """The network gave a meme no finite score."""

    code = "no_score"


@dataclass(frozen=True)
class _Judged:
    """One meme with what the network said of its parts: ``logits`` by task [P, n_logits], calibrated.

    ``first_view`` is the row of its first view in ``features``; ``text_embeds`` [P, Dt] where they were asked for.
    """

    reading: Reading
    parts: Parts
    modalities: tuple[Modality, ...]
    first_view: int
    features: ImageFeatures
    logits: Calibrated
    text_embeds: NDArray[np.float32] | None
    timings_ms: dict[str, float]

    @property
    def is_finite(self) -> bool:
        return all(np.isfinite(values).all() for values in self.logits.values())

    def shown_part(self, index: int) -> ShownPart:
        """What the network was shown of one of the parts."""
        part, meme = self.parts.parts[index], self.reading.meme
        return ShownPart(
            text=self.reading.text.content[part.start : part.end],
            tags=meme.tags,
            modality=self.modalities[index],
            features=self.features.rows([self.first_view + part.view]) if meme.image is not None else None,
            image=meme.shown[part.view].image if meme.image is not None else None,
            view=part.view,
        )

    def of_view(self, view: int) -> Calibrated:
        """Those of the parts with one view."""
        rows = [at for at, part in enumerate(self.parts.parts) if part.view == view]
        return {name: values[rows] for name, values in self.logits.items()}


class Judge:
    """One bundle's network and calibration. Safe under threads."""

    def __init__(
        self,
        bundle: Bundle,
        runtime: Runtime,
        ocr_on: EngineName | None = None,
        *,
        features: bool = False,
        fingerprints: bool = False,
    ) -> None:
        """``ocr_on`` is the engine of the networks that read the words, if there are any.

        Judgements hold what the towers saw with ``features``, and the meme's fingerprint with ``fingerprints``.
        """
        self.bundle = bundle
        self.runtime = runtime
        self._explainer = Explainer(bundle, runtime)
        self._gives_features, self._gives_fingerprints = features, fingerprints
        engines = replace(runtime.engines, ocr=ocr_on)
        self.model = ModelRef(bundle.manifest.name, bundle.manifest.version, bundle.digest, engines)

    def __call__(
        self, readings: Sequence[Reading], explained: Sequence[Explain] = (), budget: Budget | None = None
    ) -> list[Judgement | ScoringError]:
        """Judge a batch, in order. ``explained`` says for each reading how much of why is told (default: nothing).

        ``budget`` bounds the explanations, not the scores (default: nothing does); what there was no time for is named
        in them. A meme whose logits are not finite gets an error in its place: no score is no ground for a decision.
        """
        if not readings:
            return []
        budget = budget or Budget(math.inf)
        levels = map(explain_level, explained or [False] * len(readings))
        return [self._judgement(one, level, budget) for one, level in zip(self._run(readings), levels, strict=True)]

    def _calibrated(self, logits: Logits, modalities: Sequence[Modality]) -> Calibrated:
        """Logits of rows, each after the calibration of its modality."""
        calibration = self.bundle.manifest.calibration
        return {name: calibrated_by_modality(rows, calibration[name], modalities) for name, rows in logits.items()}

    def _scores(self, logits: Calibrated, row: int = 0) -> dict[str, Score]:
        return {task.name: score_of(task, logits[task.name][row]) for task in self.bundle.tasks}

    def _run(self, readings: Sequence[Reading]) -> list[_Judged]:
        """What the network makes of a batch, with the time in ms that it took, of which each part has its share."""
        started = time.perf_counter()
        windows = self.bundle.preprocessor.windows
        parts = [parts_of(one.text.content, len(one.meme.shown), one.spans, windows) for one in readings]
        pixels, mask, first_views = self._pictures(readings)
        prepared = time.perf_counter()
        features = self.runtime.encode_images(pixels, mask)
        asked = [
            Question(
                readings[at].text.content[part.start : part.end], readings[at].meme.tags, first_views[at] + part.view
            )
            for at, found in enumerate(parts)
            for part in found.parts
        ]
        logits, text_embeds = self._ask(features, mask, asked)
        took_s = {"preprocess": prepared - started, "model": time.perf_counter() - prepared}
        judged, row = [], 0
        for reading, found, first in zip(readings, parts, first_views, strict=True):
            rows = slice(row, row := row + len(found.parts))
            share = len(found.parts) / len(asked)
            times = {"ocr": reading.ocr_ms} | {name: 1000 * share * seconds for name, seconds in took_s.items()}
            shown = _modalities(reading, found)
            own = self._calibrated({name: values[rows] for name, values in logits.items()}, shown)
            texts = None if text_embeds is None else text_embeds[rows]
            judged.append(_Judged(reading, found, shown, first, features, own, texts, times))
        return judged

    def _ask(
        self, features: ImageFeatures, mask: NDArray[np.int64], asked: Sequence[Question]
    ) -> tuple[Logits, NDArray[np.float32] | None]:
        """Logits of every question, and the vectors of their texts where those are wanted."""
        if self._gives_features:
            return self.runtime.ask_with_text(features, mask, asked, _BATCH)
        return self.runtime.ask(features, mask, asked, _BATCH), None

    def _pictures(self, readings: Sequence[Reading]) -> tuple[NDArray[np.float32], NDArray[np.int64], list[int]]:
        """Pixels [V, 3, S, S] of every view, with the mask [V], and for each meme the row of its first."""
        side = self.bundle.preprocessor.config.side_px
        shown: list[list[Image.Image | None]] = [
            [view.image for view in reading.meme.shown] or [None] for reading in readings
        ]
        images = [image for one in shown for image in one]
        pixels = np.zeros((len(images), 3, side, side), dtype=np.float32)
        for row, image in enumerate(images):
            if image is not None:
                pixels[row] = self.bundle.preprocessor.pixels(image)
        mask = np.array([image is not None for image in images], dtype=np.int64)
        return pixels, mask, [0, *accumulate(map(len, shown))][:-1]

    def _judgement(self, one: _Judged, level: ExplainLevel | None, budget: Budget) -> Judgement | ScoringError:
        if not one.is_finite:
            return ScoringError("the network gave no finite score for this meme")
        pooled = pool(self.bundle.tasks, one.logits)
        explanation, explained_ms = self._explanation(one, pooled, level, budget) if level else (None, {})
        return Judgement(
            digest=one.reading.meme.digest,
            scores=self._scores(pooled.logits),
            text=_judged_text(one.reading.text, one.parts.judged_chars),
            model=self.model,
            timings_ms=one.timings_ms | explained_ms,
            judged_as=one.modalities[pooled.leading],
            explanation=explanation,
            picture=self._picture(one, pooled) if one.reading.meme.image is not None else None,
            features=_features(one) if self._gives_features else None,
            fingerprint=_fingerprint(one.reading) if self._gives_fingerprints else None,
        )

    def _picture(self, one: _Judged, pooled: Pooled[np.float64]) -> PictureEvidence:
        meme = one.reading.meme
        views = self._views(one) if len(meme.shown) > 1 else ()
        return PictureEvidence(
            format=meme.source_format,
            width_px=meme.picture.width,
            height_px=meme.picture.height,
            is_animated=meme.is_animated,
            n_frames=meme.n_frames,
            status="partial" if meme.not_seen else "ok",
            detail=meme.not_seen,
            damage=meme.damage,
            views=views,
            strictest=one.parts.parts[pooled.leading].view,
        )

    def _views(self, one: _Judged) -> tuple[ViewEvidence, ...]:
        content, spans = one.reading.text.content, one.reading.spans
        found = []
        for index, view in enumerate(one.reading.meme.shown):
            pooled = pool(self.bundle.tasks, one.of_view(index))
            text = content[slice(*spans[index])] if spans else content
            found.append(ViewEvidence(view.frame, view.ground, text, self._scores(pooled.logits)))
        return tuple(found)

    def _explanation(
        self, one: _Judged, pooled: Pooled[np.float64], level: ExplainLevel, budget: Budget
    ) -> tuple[Explanation, dict[str, float]]:
        """Of the parts that decided the yes/no tasks (most memes have one part), and the time in ms that it took."""
        started = time.perf_counter()
        binary = [task.name for task in self.bundle.tasks if task.kind == "binary"]
        deciding = list(dict.fromkeys([pooled.leading, *(pooled.deciding[name] for name in binary)]))
        found = {}
        for index in deciding[:_MOST_PARTS_EXPLAINED]:
            start = one.parts.parts[index].start
            found[index] = shifted(self._explainer(one.shown_part(index), level, budget), start)
        return merged(found, pooled), {"explain": 1000 * (time.perf_counter() - started)}


def _modalities(reading: Reading, parts: Parts) -> tuple[Modality, ...]:
    """What the network is shown with each part."""
    pictured, content = reading.meme.image is not None, reading.text.content
    return tuple(
        modality_of(pictured=pictured, worded=has_words(content[part.start : part.end])) for part in parts.parts
    )


def _features(one: _Judged) -> MemeFeatures:
    """Of its first view, and of its windows with words, each once however many views it was judged with."""
    image = one.features.embeds[one.first_view].copy() if one.reading.meme.image is not None else None
    content = one.reading.text.content
    windows = {(part.start, part.end): row for row, part in enumerate(one.parts.parts)}
    rows = [row for (start, end), row in windows.items() if has_words(content[start:end])]
    text = one.text_embeds[rows].mean(axis=0) if one.text_embeds is not None and rows else None
    return MemeFeatures(image, text)


def _fingerprint(reading: Reading) -> Fingerprint:
    return fingerprint_of(reading.meme, reading.text.content)


def _judged_text(text: TextEvidence, judged_chars: int) -> TextEvidence:
    """``text``, with what the network was given of it."""
    n_chars = len(text.content)
    if judged_chars == n_chars:
        return text
    detail = f"{judged_chars} of {n_chars} characters were judged"
    status = worst_status([text.status, "partial"])
    return replace(text, status=status, judged_chars=judged_chars, detail=text.detail or detail)
