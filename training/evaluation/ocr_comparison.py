"""Words of a set: where they come from, and what reading them from the picture instead would change."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from model.meme import has_words
from model.ocr import OcrEngine
from model.preprocess import normalise_text
from training.data.ocr_cache import read_texts
from training.datasets import Sample, Skipped
from training.evaluation.evaluate_task import Bootstrap
from training.evaluation.labels import Question, labelled
from training.evaluation.metrics.bootstrap import wilson
from training.evaluation.metrics.measures import decided
from training.evaluation.options import Setup
from training.evaluation.results import OcrResult, OcrTask
from training.evaluation.scoring import Scored


@dataclass(frozen=True)
class Words:
    """Samples with the words that are scored. ``read``, one a sample, are the engine's when both are wanted (None:
    it could not read that picture, or there is none). ``skipped`` lost their words to a failed reading.
    """

    samples: list[Sample]
    skipped: list[Skipped]
    read: list[str | None] | None = field(default=None, repr=False)


def words_of(samples: Sequence[Sample], setup: Setup) -> Words:
    """Take the words as given, read them where missing, always, or beside the given ones ("both").

    Readings are kept below ``setup.cache``. Raises ``EngineUnavailableError`` when something must be read and the
    engine cannot.
    """
    if setup.words == "given":
        return Words(list(samples), [])
    with TemporaryDirectory() as unkept:
        folder = (setup.cache or Path(unkept)) / "ocr"
        if setup.words != "both":
            loaded = read_texts(samples, setup.words, setup.engine, folder)
            return Words(loaded.samples, loaded.skipped)
        # Read under their indices: ids may repeat across the parts of a set.
        pictured = [replace(s, id=str(index)) for index, s in enumerate(samples) if s.image is not None]
        read = {int(s.id): s.text for s in read_texts(pictured, "always", setup.engine, folder).samples}
    return Words(list(samples), [], [read.get(index) for index in range(len(samples))])


def compare_words(
    questions: Sequence[Question],
    given: Scored,
    read: Scored,
    texts: Sequence[str | None],
    engine: OcrEngine,
    sampling: Bootstrap,
) -> OcrResult:
    """Hold the scores of the given words against those of the words read; ``texts`` [N] are as in ``Words.read``.

    Only memes with given words and a reading are compared.
    """
    usable = np.array([text is not None and has_words(s.text) for text, s in zip(texts, given.samples, strict=True)])
    recall, precision = _word_overlap(
        [(s.text, text or "") for s, text in zip(given.samples, texts, strict=True)], usable
    )
    tasks = [_task(question, given, read, usable, sampling) for question in questions]
    return OcrResult(
        engine=f"{engine.name} {engine.version}",
        n=int(usable.sum()),
        n_unread=sum(text is None and s.image is not None for text, s in zip(texts, given.samples, strict=True)),
        word_recall=recall,
        word_precision=precision,
        tasks=[task for task in tasks if task is not None],
    )


def _task(
    question: Question,
    given: Scored,
    read: Scored,
    usable: np.ndarray[tuple[int], np.dtype[np.bool_]],
    sampling: Bootstrap,
) -> OcrTask | None:
    rows, labels = labelled(question, given.samples)
    kept = usable[rows]
    rows, labels = rows[kept], labels[kept]
    if not len(rows):
        return None
    mine, other = (scored.probabilities[question.task.name][rows] for scored in (given, read))
    same = decided(mine, labels) == decided(other, labels)
    return OcrTask(
        title=question.title,
        given=sampling.estimates(question, labels, mine, rows),
        read=sampling.estimates(question, labels, other, rows),
        difference=sampling.differences(question, labels, mine, other, rows),
        same_class=wilson(int(same.all(axis=1).sum() if same.ndim == 2 else same.sum()), len(rows)),
        mean_abs_difference=float(np.abs(mine - other).mean()),
    )


def _word_overlap(
    pairs: Sequence[tuple[str, str]], usable: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[float | None, float | None]:
    """Shares of the given words that were read, and of the words read that were given; case and order aside."""
    shared = n_given = n_read = 0
    for (given, read), counts in zip(pairs, usable, strict=True):
        if counts:
            bags = [Counter(re.findall(r"\w+", normalise_text(text).casefold())) for text in (given, read)]
            shared += (bags[0] & bags[1]).total()
            n_given, n_read = n_given + bags[0].total(), n_read + bags[1].total()
    return shared / n_given if n_given else None, shared / n_read if n_read else None
