"""Setup of scoring and of intervals: what an evaluation and a promotion have in common."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from model.ocr import OcrEngine
from model.runtime import Provider

WordsFrom = Literal["given", "missing", "always", "both"]


class ScoringFlags(TypedDict):
    """Keyword arguments of ``training.evaluation.scoring.score_views``."""

    provider: Provider
    threads: int | None
    cache: Path | None
    progress: bool


@dataclass(frozen=True)
class Setup:
    """See ``memeguard evaluate --help`` for what each means. ``progress``: show a bar on a terminal."""

    engine: OcrEngine
    words: WordsFrom = "given"
    n_resamples: int = 1000
    seed: int = 0
    provider: Provider = "cpu"
    threads: int | None = None
    cache: Path | None = None
    progress: bool = False

    @property
    def scoring(self) -> ScoringFlags:
        """What scoring takes of it."""
        return {"provider": self.provider, "threads": self.threads, "cache": self.cache, "progress": self.progress}
