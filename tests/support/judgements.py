"""Readings and judgements made by hand, for what queues and keeps them without looking inside."""

from collections.abc import Mapping

from PIL import Image

from model import Judgement, Meme, Verdict
from model.judge import Reading
from model.ocr.types import OcrWord
from model.picture.views import View
from model.verdict import ModelRef, TextEvidence


def hateful(scored: Judgement | Verdict) -> float:
    """How hateful something is found."""
    score = scored.scores["hateful"]
    assert isinstance(score, float)
    return score


def flat(scores: Mapping[str, float | Mapping[str, float]]) -> dict[str, float]:
    """Scores of a verdict as ``pytest.approx`` takes them: those of classes as ``task.class``."""
    found: dict[str, float] = {}
    for task, score in scores.items():
        if isinstance(score, Mapping):
            found |= {f"{task}.{name}": value for name, value in score.items()}
        else:
            found[task] = score
    return found


def reading(name: str, pictured: bool = False, *, long: bool = False) -> Reading:
    """``long``: of a picture with two views."""
    picture = Image.new("RGB", (8, 8)) if pictured or long else None
    views = (View(picture, frame=0), View(picture, frame=1)) if picture and long else ()
    return Reading(Meme(picture, name, name, views=views), TextEvidence.from_caller(name))


def judgement(name: str, n_words: int = 0) -> Judgement:
    words = tuple(OcrWord("word", (0, 0, 9, 9), 0.9) for _ in range(n_words))
    text = TextEvidence(name, "ocr", "ok", words=words)
    return Judgement(name, {"hateful": 0.5}, text, ModelRef("tiny", "1", "d" * 64), {"model": 1.0}, "both")


def judged(given: Reading) -> Judgement:
    """The judgement that stands for ``given``."""
    return judgement(given.text.content)
