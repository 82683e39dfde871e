"""Logits become calibrated scores, scores become a decision, and the two become a verdict with its evidence.

The decision is an aid to a moderator. "review" is an answer of its own: it is also given when the words of a picture
could not be read, since a score without them is no ground for letting a meme pass.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.bundle import CalibrationSpec, Thresholds
from model.ocr.types import OcrResult, OcrWord
from model.taxonomy import Task

Decision = Literal["allow", "review", "block"]
TextSource = Literal["caller", "ocr"]
#: A probability for a binary task; for the others a probability a class.
Score = float | dict[str, float]


@dataclass(frozen=True)
class Policy:
    """Named thresholds by binary task. The bundle's own, fitted on dev, are the policy "default"."""

    name: str
    version: str
    thresholds: Mapping[str, Thresholds]


@dataclass(frozen=True)
class PolicyRef:
    """Which policy decided, and why: a line for each threshold or rule that was met."""

    name: str
    version: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class TextEvidence:
    """The words that were judged. ``status`` "unavailable" or "failed" means that nobody could read the picture."""

    content: str
    source: TextSource
    status: Literal["ok", "unavailable", "failed"]
    engine: str | None = None
    engine_version: str | None = None
    confidence: float | None = None
    words: tuple[OcrWord, ...] = ()
    detail: str | None = None

    @classmethod
    def from_caller(cls, text: str) -> "TextEvidence":
        """Words that came with the request."""
        return cls(content=text, source="caller", status="ok")

    @classmethod
    def from_ocr(cls, result: OcrResult) -> "TextEvidence":
        """Words that an engine read, or its reason for reading none."""
        return cls(
            content=result.text,
            source="ocr",
            status=result.status,
            engine=result.engine,
            engine_version=result.engine_version,
            confidence=result.confidence,
            words=result.words,
            detail=result.detail,
        )


@dataclass(frozen=True)
class ModelRef:
    """Which bundle judged: its digest is the sha256 of its manifest."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Verdict:
    """What is said of one meme. ``to_dict`` is the JSON that the service, the command line and batch rows carry."""

    id: str
    decision: Decision
    policy: PolicyRef
    scores: dict[str, Score]
    text: TextEvidence
    model: ModelRef
    timings_ms: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Failure:
    """Why a meme has no verdict. ``code`` is stable; ``message`` says what was wrong and never holds the content."""

    id: str
    code: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {"id": self.id, "error": {"code": self.code, "message": self.message}}


def calibrated(task: Task, logits: NDArray[np.float32], calibration: CalibrationSpec) -> Score:
    """Probabilities of one row, ``logits`` [n_logits]."""
    if task.kind == "binary":
        return float(apply_platt(logits, calibration)[0])
    if task.kind == "multilabel":
        return dict(zip(task.classes, apply_platt(logits, calibration).tolist(), strict=True))
    values = _scaled(logits, calibration)
    exponents = np.exp(values - values.max())
    return dict(zip(task.classes, (exponents / exponents.sum()).tolist(), strict=True))


def decide(scores: Mapping[str, Score], text: TextEvidence, policy: Policy) -> tuple[Decision, tuple[str, ...]]:
    """The strictest decision that a threshold or rule asks for, with the reasons for it."""
    reasons: dict[Decision, list[str]] = {"block": [], "review": []}
    for task, thresholds in policy.thresholds.items():
        score = scores.get(task)
        if not isinstance(score, float):
            continue
        if score >= thresholds.block:
            reasons["block"].append(f"{task} {score:.3f} >= block threshold {thresholds.block:.3f}")
        elif score >= thresholds.review:
            reasons["review"].append(f"{task} {score:.3f} >= review threshold {thresholds.review:.3f}")
    if text.status != "ok":
        reasons["review"].append(f"the picture's words could not be read ({text.status})")
    for decision in ("block", "review"):
        if reasons[decision]:
            return decision, tuple(reasons["block"] + reasons["review"])
    return "allow", ("every score is under its review threshold",)


def apply_platt(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    """Calibrated sigmoid of logits of any shape; training fits and measures with this very function."""
    # tanh, because exp of a large number would overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(_scaled(logits, calibration) / 2.0)), dtype=np.float64)


def _scaled(logits: NDArray[np.float32], calibration: CalibrationSpec) -> NDArray[np.float64]:
    return np.asarray(calibration.scale * logits.astype(np.float64) + calibration.shift, dtype=np.float64)
