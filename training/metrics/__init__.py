"""Metric modules for Hugging Face ``evaluate``, one a file, loaded by path and without a network.

    import evaluate
    evaluate.load("training/metrics/auroc.py").compute(prediction_scores=[0.2, 0.9], references=[0, 1])

They wrap scikit-learn. ``memeguard evaluate`` uses the formulas of ``training.evaluation.measures`` instead, which take
a thousand resamples at once; a test holds the two equal.

For who writes another: ``evaluate`` reads the imports of a module line by line with a pattern of its own, so there must
be one import a line. Importing ``evaluate`` takes seconds: nothing of this project does so unless it is asked for.
"""

from pathlib import Path
from typing import Any

from training.datasets import DatasetError

FOLDER = Path(__file__).parent
METRICS = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"))


def load_metric(name: str, config: str | None = None) -> Any:
    """One of ``METRICS`` as an ``evaluate.Metric``; ``config`` "multilabel" where the metric has it.

    Raises ``DatasetError`` naming the metrics when there is none of that name.
    """
    if name not in METRICS:
        raise DatasetError(f"unknown metric {name!r}; known metrics: {', '.join(METRICS)}")
    import evaluate  # noqa: PLC0415 - seconds

    return evaluate.load(str(FOLDER / f"{name}.py"), config, keep_in_memory=True)
