"""Point values of the report, computed by Hugging Face ``evaluate`` through our metric module (``hf_metrics.py``).

The module is loaded by its path, without a network. Intervals around the values come from ``bootstrap``, whose formulas
take a thousand resamples at once; a test holds the two equal for every metric and kind of task.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from model.taxonomy import TaskKind
from training.evaluation.metrics.measures import Floats, Ints

METRIC_MODULE = Path(__file__).with_name("hf_metrics.py")


def point_value(kind: TaskKind, name: str, labels: Ints, scores: Floats) -> float:
    """The metric called ``name`` over all items, shapes as in ``Measure``; NaN where it is not defined."""
    return _computed(f"{kind}-{name}", labels, scores)[name] if len(labels) else float("nan")


def memotion_value(answers: Ints, truth: Ints) -> float:
    """Mean macro-F1 over the questions of a Memotion task, from class indices [N, Q]."""
    return _computed("memotion", truth, answers)["memotion"]


def _computed(config: str, references: Ints, predictions: Floats | Ints) -> dict[str, float]:
    found: dict[str, float] = load_metric(config).compute(predictions=predictions, references=references)
    return found


@cache
def load_metric(config: str) -> Any:
    """The ``evaluate.Metric`` of a config of the metric module, such as "binary-auroc"."""
    import evaluate  # noqa: PLC0415 - seconds

    # It copies modules before it imports them: aside, so that nobody needs a home folder that can be written.
    evaluate.config.HF_MODULES_CACHE = _scratch()
    return evaluate.load(str(METRIC_MODULE), config, cache_dir=str(_scratch()), keep_in_memory=True)


@cache
def _scratch() -> Path:
    folder = tempfile.mkdtemp(prefix="memeguard-metrics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
