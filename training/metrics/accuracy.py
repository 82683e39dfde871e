"""Accuracy: the share of items decided as labelled; of several labels all must be."""

import datasets
import evaluate
from sklearn.metrics import accuracy_score

_CITATION = "scikit-learn: Pedregosa et al., JMLR 12, 2011"


class Accuracy(evaluate.Metric):  # type: ignore[misc]
    """Accuracy of decided classes."""

    def _info(self) -> evaluate.MetricInfo:
        label = datasets.Value("int64")
        if self.config_name == "multilabel":
            label = datasets.Sequence(label)
        return evaluate.MetricInfo(
            description=__doc__ or "",
            citation=_CITATION,
            inputs_description="class indices; with the config 'multilabel' a row of 0 and 1 an item",
            features=datasets.Features({"predictions": label, "references": label}),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        return {"accuracy": float(accuracy_score(references, predictions))}
