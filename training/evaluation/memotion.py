"""Memotion 7k's three scores (Sharma et al. 2020): the mean over a task's questions of their macro-F1."""

from collections.abc import Mapping

import numpy as np

from model.taxonomy import TASKS
from training.evaluation.labels import Question, labelled
from training.evaluation.metrics.bootstrap import Estimate, resamples
from training.evaluation.metrics.measures import Floats, Ints, decided, macro_f1
from training.evaluation.metrics.point_values import memotion_value
from training.evaluation.scoring import Scored

_QUESTIONS = ("humour", "sarcasm", "offensive", "motivational")
MEMOTION_TASKS: dict[str, tuple[str, ...]] = {
    "A": ("memotion_sentiment",),
    "B": tuple(f"memotion_{name}" for name in _QUESTIONS),
    "C": tuple(f"memotion_{name}_level" for name in _QUESTIONS),
}


def memotion_scores(scored: Scored, *, n_resamples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Scores of those of the tasks A, B and C that the bundle has all questions of and that are labelled."""
    found = {}
    for name, tasks in MEMOTION_TASKS.items():
        if all(task in scored.probabilities for task in tasks):
            answers = _answers(scored, tasks)
            if len(next(iter(answers.values()))[0]):
                found[name] = _score(answers, n_resamples, seed)
    return found


def _answers(scored: Scored, tasks: tuple[str, ...]) -> Mapping[str, tuple[Ints, Floats]]:
    """Labels and probabilities of each question on the samples where all of them are labelled."""
    parts = {task: labelled(Question(TASKS[task], task), scored.samples) for task in tasks}
    known = set.intersection(*(set(rows.tolist()) for rows, _ in parts.values()))
    answers = {}
    for task, (rows, labels) in parts.items():
        shared = np.isin(rows, list(known))
        answers[task] = (labels[shared], scored.probabilities[task][rows[shared]])
    return answers


def _score(answers: Mapping[str, tuple[Ints, Floats]], n_resamples: int, seed: int) -> Estimate:
    n = len(next(iter(answers.values()))[0])

    def mean(counts: Floats) -> Floats:
        return np.asarray(np.mean([macro_f1(labels, scores, counts) for labels, scores in answers.values()], axis=0))

    truth = np.stack([labels for labels, _ in answers.values()], axis=1)
    decisions = np.stack([decided(scores, labels) for labels, scores in answers.values()], axis=1)
    value = memotion_value(decisions, truth)
    draws = [mean(counts) for counts in resamples(n, n_resamples, seed)]
    if not draws:
        return Estimate(value, reason="no resamples were asked for")
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    return Estimate(value, float(low), float(high))
