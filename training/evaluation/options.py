"""Setup of scoring and of intervals: what an evaluation and a promotion have in common."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypedDict

from model.bundle import Bundle
from model.engine import EngineChoice, Engines
from model.ocr import OcrEngine
from model.runtime import engines_for

WordsFrom = Literal["given", "missing", "always", "both"]


class ScoringFlags(TypedDict):
    """Keyword arguments of ``training.evaluation.scoring.score_views``."""

    engine: EngineChoice
    threads: int | None
    cache: Path | None
    progress: bool


@dataclass(frozen=True)
class Setup:
    """See ``memeguard evaluate --help`` for what each means. ``engine`` reads words, ``inference`` runs the bundle.

    ``progress``: show a bar on a terminal.
    """

    engine: OcrEngine
    words: WordsFrom = "given"
    n_resamples: int = 1000
    seed: int = 0
    inference: EngineChoice = "auto"
    threads: int | None = None
    cache: Path | None = None
    progress: bool = False

    @property
    def scoring(self) -> ScoringFlags:
        """What scoring takes of it."""
        return {"engine": self.inference, "threads": self.threads, "cache": self.cache, "progress": self.progress}

    def engines_for(self, bundle: Bundle) -> Engines:
        """What computes the networks of a bundle, and those that read words."""
        return replace(engines_for(bundle, self.inference).engines, ocr=self.engine.network_engine)
