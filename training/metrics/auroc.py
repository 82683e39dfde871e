"""AUROC: the share of (positive, negative) pairs that the scores put in order."""

import datasets
import evaluate
from sklearn.metrics import roc_auc_score

_CITATION = "scikit-learn: Pedregosa et al., JMLR 12, 2011"


class Auroc(evaluate.Metric):  # type: ignore[misc]
    """Area under the ROC curve of a binary task."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__ or "",
            citation=_CITATION,
            inputs_description="prediction_scores: probability of the positive class; references: 0 or 1",
            features=datasets.Features(
                {"prediction_scores": datasets.Value("float64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, prediction_scores: list[float], references: list[int]) -> dict[str, float]:
        return {"auroc": float(roc_auc_score(references, prediction_scores))}
