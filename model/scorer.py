"""The public door: ``load(bundle)`` gives a ``Scorer``; a scorer turns memes into verdicts.

The service, the command line and batch all call this and nothing deeper, so that one meme has one score.
"""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.decision import (
    Decision,
    Failure,
    ModelRef,
    Policy,
    PolicyRef,
    Score,
    TextEvidence,
    Verdict,
    calibrated,
    decide,
)
from model.errors import MemeError
from model.meme import DEFAULT_LIMITS, Meme, MemeLimits
from model.ocr import OcrEngine, make_engine
from model.runtime import Logits, Provider, Runtime

#: Memes that go through the network together: enough to use the cores, few enough to bound memory.
_CHUNK = 8


@dataclass(frozen=True)
class Readiness:
    """What is there and what is not. ``problems`` is empty when every part that was asked for works."""

    model: ModelRef
    providers: list[str]
    ocr_engine: str
    ocr_version: str | None
    problems: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """True when nothing is missing."""
        return not self.problems


class Scorer:
    """Judges memes with one bundle, one OCR engine and one policy. Safe under threads."""

    def __init__(
        self,
        bundle: Bundle,
        runtime: Runtime,
        ocr: OcrEngine,
        policy: Policy | None = None,
        limits: MemeLimits = DEFAULT_LIMITS,
    ) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        self.runtime = runtime
        self.ocr = ocr
        self.limits = limits
        self.policy = policy or Policy("default", manifest.version, manifest.thresholds)
        self.model = ModelRef(manifest.name, manifest.version, bundle.digest)

    def readiness(self) -> Readiness:
        """Name the parts in force and those that are missing."""
        reason = self.ocr.unavailable_reason()
        return Readiness(
            model=self.model,
            providers=self.runtime.providers,
            ocr_engine=self.ocr.name,
            ocr_version=self.ocr.version,
            problems=(f"OCR engine {self.ocr.name}: {reason}",) if reason else (),
        )

    def score_file(self, path: str | Path, text: str | None = None, tags: Sequence[str] = ()) -> Verdict:
        """Judge one picture file, reading its words unless ``text`` gives them; raises ``MemeError`` for a bad file."""
        return self._judge([Meme.from_file(path, text=text, tags=tags, limits=self.limits)])[0]

    def score(self, memes: Iterable[Meme | bytes | str | Path]) -> list[Verdict | Failure]:
        """Judge many: a verdict or a failure for each, in the order given. One bad meme spoils only itself.

        Besides ``Meme`` it takes a picture's bytes or the path of its file.
        """
        results: list[Verdict | Failure] = []
        chunk: list[Meme | Failure] = []
        for item in memes:
            chunk.append(self._opened(item))
            if len(chunk) == _CHUNK:
                results += self._score_chunk(chunk)
                chunk = []
        return results + self._score_chunk(chunk)

    def _opened(self, item: Meme | bytes | str | Path) -> Meme | Failure:
        if isinstance(item, Meme):
            return item
        try:
            if isinstance(item, bytes):
                return Meme.from_bytes(item, limits=self.limits)
            return Meme.from_file(item, limits=self.limits)
        except MemeError as error:
            return Failure(_new_id(), error.code, error.message)

    def _score_chunk(self, chunk: Sequence[Meme | Failure]) -> list[Verdict | Failure]:
        verdicts = iter(self._judge([item for item in chunk if isinstance(item, Meme)]))
        return [next(verdicts) if isinstance(item, Meme) else item for item in chunk]

    def _judge(self, memes: Sequence[Meme]) -> list[Verdict]:
        if not memes:
            return []
        read = [self._read(meme) for meme in memes]
        started = time.perf_counter()
        inputs = self.bundle.preprocessor(memes, [evidence.content for evidence, _ in read])
        prepared = time.perf_counter()
        logits = self.runtime.logits(inputs)
        finished = time.perf_counter()
        shared_ms = {  # of a batch, each meme is told its share
            "preprocess": (prepared - started) * 1000 / len(memes),
            "model": (finished - prepared) * 1000 / len(memes),
        }
        return [
            self._verdict(meme, evidence, self._scores(logits, row), {"ocr": ocr_ms, **shared_ms})
            for row, (meme, (evidence, ocr_ms)) in enumerate(zip(memes, read, strict=True))
        ]

    def _read(self, meme: Meme) -> tuple[TextEvidence, float]:
        """The caller's words, or those that the engine reads, with the milliseconds it took."""
        if meme.text is not None:
            return TextEvidence.from_caller(meme.text), 0.0
        started = time.perf_counter()
        result = self.ocr.read(np.asarray(meme.image))
        return TextEvidence.from_ocr(result), (time.perf_counter() - started) * 1000

    def _scores(self, logits: Logits, row: int) -> dict[str, Score]:
        return {
            task.name: calibrated(task, logits[task.name][row], self.bundle.manifest.calibration[task.name])
            for task in self.bundle.tasks
        }

    def _verdict(
        self, meme: Meme, evidence: TextEvidence, scores: dict[str, Score], timings_ms: dict[str, float]
    ) -> Verdict:
        decision: Decision
        decision, reasons = decide(scores, evidence, self.policy)
        timings_ms = timings_ms | {"total": sum(timings_ms.values())}
        return Verdict(
            id=meme.id or _new_id(),
            decision=decision,
            policy=PolicyRef(self.policy.name, self.policy.version, reasons),
            scores=scores,
            text=evidence,
            model=self.model,
            timings_ms={name: round(value, 3) for name, value in timings_ms.items()},
        )


def load(
    bundle: str | Path = COMPACT_BUNDLE,
    *,
    ocr: str = "rapidocr",
    provider: Provider = "cpu",
    threads: int | None = None,
    policy: Policy | None = None,
    limits: MemeLimits = DEFAULT_LIMITS,
) -> Scorer:
    """Open a bundle and make a scorer of it.

    ``ocr`` names the engine ("rapidocr", "tesseract", or "none" when callers always send the words); ``threads`` bounds
    the cores of one call. Raises ``BundleError`` for a bundle that does not fit, ``EngineUnavailableError`` for an
    execution provider that is not there. A missing OCR engine does not raise: ``readiness`` and each verdict name it.
    """
    opened = open_bundle(bundle)
    runtime = Runtime(opened, provider=provider, threads=threads)
    return Scorer(opened, runtime, make_engine(ocr, threads=threads), policy, limits)


def _new_id() -> str:
    return uuid.uuid4().hex
