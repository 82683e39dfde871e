"""Memotion 7k's score of a task: the mean over its questions of their macro-F1 (Sharma et al. 2020).

Task A asks one question (sentiment), B four with two answers, C four with two to four answers. An item is a row with an
answer to each question, in the order of ``model.taxonomy``.
"""

import datasets
import evaluate
import numpy as np
from sklearn.metrics import f1_score

_CITATION = "Sharma et al., SemEval-2020 Task 8: Memotion Analysis, 2020"


class Memotion(evaluate.Metric):  # type: ignore[misc]
    """Mean macro-F1 over the questions of a Memotion task."""

    def _info(self) -> evaluate.MetricInfo:
        answers = datasets.Sequence(datasets.Value("int64"))
        return evaluate.MetricInfo(
            description=__doc__ or "",
            citation=_CITATION,
            inputs_description="predictions, references: a class index for each question",
            features=datasets.Features({"predictions": answers, "references": answers}),
        )

    def _compute(self, predictions: list[list[int]], references: list[list[int]]) -> dict[str, float]:
        found, truth = np.asarray(predictions), np.asarray(references)
        scores = [
            f1_score(truth[:, question], found[:, question], average="macro", zero_division=0.0)
            for question in range(truth.shape[1])
        ]
        return {"memotion": float(np.mean(scores))}
