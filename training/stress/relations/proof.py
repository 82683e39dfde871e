"""Proof that a changed meme still says what its seed says: by the relation's own rule, else because OCR reads it.

What nobody can show to be readable is left out of a stress test: a moderator that misses it has made no error. OCR may
do to a picture what people do to see better (go nearer, turn their head), so that it can prove what a moderator's own
OCR, which reads the picture as it comes, does not read.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from PIL import Image

from model.errors import MemeError
from model.meme import Meme
from model.ocr import OcrEngine
from training.evaluation.metrics.reading import ReadingScore, tokens
from training.stress.relations.base import Relation, Seed, StressItem

#: Of five words one may be misread, of three one may be missing, whichever it is.
LEAST_WORD_F1 = 0.8


class ReadingProof:
    """A ``Prove`` that reads with ``engine``; without one, only rules prove anything."""

    def __init__(self, engine: OcrEngine | None, least_f1: float = LEAST_WORD_F1) -> None:
        self._engine = engine
        self._least_f1 = least_f1

    def __call__(self, relation: Relation, seed: Seed, item: StressItem) -> str | None:
        """The proof in words, None where there is none."""
        if (rule := relation.rule(seed, item)) is not None:
            return f"rule: {rule}"
        if self._engine is None or item.picture is None:
            return None
        best, expected = 0.0, relation.drawn_words(seed, item)
        for read in _readings(self._engine, relation, item.picture):
            score = word_f1(expected, read, relation.added_words)
            best = max(best, score)
            if best >= self._least_f1:
                return f"ocr: word F1 {best:.2f}"
        return None


def word_f1(expected: str, read: str, added: str = "") -> float:
    """Word F1 of ``read`` against ``expected``, over multisets of words.

    Words of ``added`` do not count where they were read more often than they are expected.
    """
    wanted, found, extra = Counter(tokens(expected)), Counter(tokens(read)), set(tokens(added))
    found = Counter({word: min(n, wanted[word]) if word in extra else n for word, n in found.items()})
    matched = (wanted & found).total()
    return ReadingScore(matched, wanted.total(), found.total()).word_f1


def _readings(engine: OcrEngine, relation: Relation, picture: bytes) -> Iterator[str]:
    """What is read of the picture's first view as it is, then prepared in each way; then of its other views."""
    try:
        first, *others = [view.image for view in Meme.from_bytes(picture).shown]
    except MemeError:
        return
    yield _read(engine, first)
    for prepare in relation.preparations:
        yield _read(engine, prepare(first))
    for image in others:
        yield _read(engine, image)


def _read(engine: OcrEngine, image: Image.Image) -> str:
    return engine.read(np.asarray(image.convert("RGB"))).text
