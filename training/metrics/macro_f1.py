"""Macro-F1: F1 of each class, then the plain mean, so that a rare class counts as much as a common one."""

import datasets
import evaluate
from sklearn.metrics import f1_score

_CITATION = "scikit-learn: Pedregosa et al., JMLR 12, 2011"


class MacroF1(evaluate.Metric):  # type: ignore[misc]
    """Macro-F1 of decided classes."""

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
        return {"macro_f1": float(f1_score(references, predictions, average="macro", zero_division=0.0))}
