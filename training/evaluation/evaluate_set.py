"""One set from its source to its result: read, take the words, score every column, measure every task."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.bundle import Bundle
from model.meme import has_words
from model.taxonomy import Task
from training.datasets import DatasetError, Loaded, Sample
from training.evaluation.decisions import decide_all
from training.evaluation.evaluate_task import Bootstrap, task_result
from training.evaluation.groups import ResampleBy, resampling_groups
from training.evaluation.labels import Question, questions
from training.evaluation.memotion import memotion_scores
from training.evaluation.ocr_comparison import Words, compare_words, words_of
from training.evaluation.options import Setup, WordsFrom
from training.evaluation.results import FULL_INPUT, IMAGE_ONLY_INPUT, TEXT_ONLY_INPUT, OcrResult, SetResult
from training.evaluation.scoring import FULL, Scored, View, score_views

_READ_WORDS = "ocr_words"


@dataclass(frozen=True)
class Other:
    """Another bundle that is scored on the same memes, and what it is shown of them."""

    bundle: Bundle
    view: View = FULL


@dataclass(frozen=True)
class Options:
    """How every set is evaluated; see ``memeguard evaluate --help`` for what each means."""

    setup: Setup
    others: Mapping[str, Other] = field(default_factory=dict)
    resample_by: ResampleBy = "item"


@dataclass(frozen=True)
class LabelledSet:
    """A source that was read, and the tasks that can be measured on it."""

    source: str
    loaded: Loaded
    asked: list[Question]

    @property
    def samples(self) -> list[Sample]:
        """Those with a label of a task that is measured."""
        wanted = {question.labels_of for question in self.asked}
        return [sample for sample in self.loaded.samples if wanted & sample.labels.keys()]


def labelled_set(
    source: str,
    loaded: Loaded,
    tasks: Sequence[Task],
    as_task: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> LabelledSet:
    """Check, before any work, that the set has labels of a task that is asked for; raises ``DatasetError``.

    ``as_task`` and ``only`` are as in ``training.evaluation.labels.questions``.
    """
    return LabelledSet(source, loaded, questions(source, loaded.samples, tasks, as_task or {}, only))


def evaluate_set(bundle: Bundle, labelled: LabelledSet, options: Options) -> tuple[SetResult, list[Sample]]:
    """Everything there is to say of one set, with the samples that were scored, in order.

    Raises ``DatasetError`` when no picture of the set could be read.
    """
    setup = options.setup
    words = words_of(labelled.samples, setup)
    columns = _columns(bundle, words, options)
    full = columns[FULL_INPUT]
    if not full.samples:
        raise DatasetError(f"{labelled.source}: no item could be scored; {_first_reason(full, words)}")
    sampling = Bootstrap(setup.n_resamples, setup.seed, resampling_groups(full.samples, options.resample_by))
    read = columns.pop(_READ_WORDS, None)
    chosen = decide_all(bundle, full)
    result = _set_result(
        labelled,
        words,
        full,
        setup=setup,
        decision_counts=dict(Counter(chosen)),
        tasks=[task_result(bundle, question, columns, chosen, sampling) for question in labelled.asked],
        memotion=memotion_scores(full, n_resamples=setup.n_resamples, seed=setup.seed),
        ocr=None if read is None else _ocr(labelled, words, full, read, setup, sampling),
    )
    return result, full.samples


def _columns(bundle: Bundle, words: Words, options: Options) -> dict[str, Scored]:
    """The bundle in every view, then the other bundles; all on the same samples."""
    columns = score_views(bundle, words.samples, _views(words), **options.setup.scoring)
    scored_ids = [id(sample) for sample in columns[FULL_INPUT].samples]
    for name, other in options.others.items():
        scored = score_views(other.bundle, words.samples, {name: other.view}, **options.setup.scoring)[name]
        if [id(sample) for sample in scored.samples] != scored_ids:
            raise DatasetError(f"{name} could not score the same items; a picture changed while it was evaluated")
        columns[name] = scored
    return columns


def _views(words: Words) -> dict[str, View]:
    views = {FULL_INPUT: FULL}
    if any(s.image for s in words.samples):
        if any(has_words(s.text) for s in words.samples):
            views |= {TEXT_ONLY_INPUT: View(image=False), IMAGE_ONLY_INPUT: View(text=False)}
        if words.read is not None:
            views[_READ_WORDS] = View(texts=[text or "" for text in words.read])
    return views


def _ocr(
    labelled: LabelledSet, words: Words, full: Scored, read: Scored, setup: Setup, sampling: Bootstrap
) -> OcrResult:
    by_sample = {id(sample): text for sample, text in zip(words.samples, words.read or [], strict=True)}
    texts = [by_sample[id(sample)] for sample in full.samples]
    return compare_words(labelled.asked, full, read, texts, setup.engine, sampling)


def _set_result(labelled: LabelledSet, words: Words, full: Scored, *, setup: Setup, **found: Any) -> SetResult:
    items = [{"item": skipped.place, "reason": skipped.reason} for skipped in labelled.loaded.skipped]
    items += [{"item": skipped.place, "reason": skipped.reason} for skipped in words.skipped]
    items += [{"item": f"id {failure.id}", "reason": f"{failure.code}: {failure.message}"} for failure in full.failures]
    first = full.samples[0]
    n_with_words = sum(has_words(sample.text) for sample in full.samples)
    return SetResult(
        name=first.dataset,
        split=first.split,
        source=labelled.source,
        words=setup.words,
        n_read=len(labelled.loaded.samples),
        n_unlabelled=len(labelled.loaded.samples) - len(labelled.samples),
        n_scored=len(full.samples),
        n_with_picture=sum(sample.image is not None for sample in full.samples),
        n_with_words=n_with_words,
        left_out={
            "row that could not be read": len(labelled.loaded.skipped),
            "words that could not be read": len(words.skipped),
            "picture that could not be read": len(full.failures),
        },
        left_out_items=items,
        ms_per_meme=None if setup.cache else full.ms_per_meme,
        notes=_notes(full, n_with_words, setup.words),
        **found,
    )


def _notes(full: Scored, n_with_words: int, words_from: WordsFrom) -> list[str]:
    wordless = len(full.samples) - n_with_words
    if not wordless or words_from not in ("given", "both"):
        return []
    return [
        f"{wordless} items have no words in the file and were scored by their picture alone; the service would read "
        "the words from the picture: --ocr missing does so here."
    ]


def _first_reason(full: Scored, words: Words) -> str:
    reasons = [failure.message for failure in full.failures] + [skipped.reason for skipped in words.skipped]
    return f"the first reason: {reasons[0]}" if reasons else "it is empty"
