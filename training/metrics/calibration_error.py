"""Calibration error: how far probabilities are from what happens, over ten bins.

``calibration_error`` has bins of equal width (Guo et al. 2017), ``adaptive_calibration_error`` bins of equally many
items (Nixon et al. 2019), which a set of crowded probabilities needs.
"""

import datasets
import evaluate
import numpy as np

from training.evaluation.measures import adaptive_calibration_error, calibration_error

_CITATION = "Guo et al., On Calibration of Modern Neural Networks, 2017; Nixon et al., Measuring Calibration, 2019"


class CalibrationError(evaluate.Metric):  # type: ignore[misc]
    """Expected and adaptive calibration error of a binary task."""

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
        scores, labels = np.asarray(prediction_scores, dtype=np.float64), np.asarray(references, dtype=np.int64)
        once = np.ones((1, len(labels)))
        return {
            "calibration_error": float(calibration_error(labels, scores, once)[0]),
            "adaptive_calibration_error": float(adaptive_calibration_error(labels, scores, once)[0]),
        }
