"""Reading of a meme: its words, whoever gave them, and which of them belong to which view of its picture."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from model.budget import Budget
from model.meme import Meme
from model.ocr.types import OcrEngine, OcrResult
from model.parts.windows import Span
from model.verdict import TextEvidence, worst_status

#: About five windows.
_LONG_CHARS = 1500


@dataclass(frozen=True)
class Reading:
    """A meme and the words that it will be judged by. ``ocr_ms`` is 0 when they came with the request.

    ``spans``: where in the words those of each view stand, in the order of ``meme.shown``; empty: all of them go with
    every view.
    """

    meme: Meme
    text: TextEvidence
    ocr_ms: float = 0.0
    spans: tuple[Span, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether it will be judged in so many parts that others should not wait for it."""
        return len(self.text.content) > _LONG_CHARS or len(self.meme.shown) > 1


def read_steps(meme: Meme, ocr: OcrEngine, budget: Budget) -> Generator[None, None, Reading]:
    """The meme with the caller's words, or those that ``ocr`` reads from each of its views; yields between pieces."""
    if meme.text is not None or meme.image is None:
        return Reading(meme, TextEvidence.from_caller(meme.text or ""))
    before_s = budget.used_s
    results = []
    for view in meme.shown:
        results.append((yield from ocr.steps(np.asarray(view.image), budget)))
    text, spans = _joined(results)
    return Reading(meme, text, (budget.used_s - before_s) * 1000, spans)


def _joined(results: Sequence[OcrResult]) -> tuple[TextEvidence, tuple[Span, ...]]:
    """The words of several views as one text; those of two views that read the same stand in it once."""
    if len(results) == 1:
        return TextEvidence.from_ocr(results[0]), ()
    content, spans = _laid_out([result.text for result in results])
    distinct = dict(zip((result.text for result in results), spans, strict=True))
    told = [result for result in results if distinct.pop(result.text, None) is not None]
    words = tuple(word for result in told for word in result.words)
    worst = next(result for result in results if result.status == worst_status(one.status for one in results))
    evidence = TextEvidence(
        content=content,
        source="ocr",
        status=worst.status,
        engine=worst.engine,
        engine_version=worst.engine_version,
        confidence=float(np.mean([word.confidence for word in words])) if words else None,
        words=words,
        detail=worst.detail,
        judged_chars=len(content),
        unread=tuple(dict.fromkeys(box for result in results for box in result.unread)),
    )
    return evidence, spans


def _laid_out(texts: Sequence[str]) -> tuple[str, tuple[Span, ...]]:
    """One text of several, a line each and each distinct one once, and where in it each of them stands."""
    content, spans, distinct = "", [], dict[str, Span]()
    for text in texts:
        if text not in distinct:
            content += "\n" if content and text else ""
            distinct[text] = (len(content), len(content) + len(text))
            content += text
        spans.append(distinct[text])
    return content, tuple(spans)


def view_spans(texts: Sequence[str]) -> tuple[Span, ...]:
    """The spans of a reading whose views have these words, as ``read_steps`` lays them out; empty for one view."""
    return _laid_out(texts)[1] if len(texts) > 1 else ()
