"""A bundle's folder as a target, asked in this process through the code that serves it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from model import Meme, MemeError, Scorer, load
from model.ocr import OcrEngine
from training.stress.relations.base import StressItem
from training.stress.remembered_reader import RememberedReader
from training.stress.targets.base import Answer, NotJudgedError, Target
from training.stress.targets.verdicts import strictest


class BundleTarget(Target):
    """A bundle under its own thresholds. A meme is flagged when it is blocked or sent to review."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @classmethod
    def of_folder(cls, folder: Path) -> "BundleTarget":
        """Load a bundle, with its words read by the default OCR engine; raises ``BundleError``."""
        scorer = load(folder)
        scorer.ocr = RememberedReader(scorer.ocr)
        return cls(scorer)

    @property
    def name(self) -> str:
        """Name and version of the bundle."""
        return f"bundle {self._scorer.model.name} {self._scorer.model.version}"

    @property
    def identity(self) -> dict[str, Any]:
        """The bundle by its digest, and what reads and computes."""
        about = self._scorer.readiness()
        ocr = f"{about.ocr_engine} {about.ocr_version}"
        return {"kind": "bundle", **asdict(about.model), "ocr": ocr, "policy": self._scorer.policy.digest}

    @property
    def reader(self) -> OcrEngine:
        """The scorer's."""
        return self._scorer.ocr

    def ask(self, item: StressItem) -> Answer:
        """The strictest judgement of what the item is judged as; raises ``NotJudgedError``."""
        self.n_calls += 1
        try:
            memes = _memes(item)
        except MemeError as error:
            raise NotJudgedError(f"{error.code}: {error.message}", is_final=True) from error
        return strictest([outcome.to_dict() for outcome in self._scorer.score(memes)])


def _memes(item: StressItem) -> list[Meme]:
    """A post's picture with the post's words and with its own, as ``/v1/moderations`` judges it."""
    if item.picture is None:
        return [Meme.from_text(item.text or "")]
    own = Meme.from_bytes(item.picture)
    return [own] if item.text is None else [Meme.from_bytes(item.picture, text=item.text), own]
