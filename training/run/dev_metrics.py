"""What a run reached on dev, beside the baselines: RUN/results.json and RUN/results.md.

Epochs, calibration and thresholds are chosen on dev, so these numbers flatter the network. They are for comparing runs
and for seeing whether a network beats what it has to beat; what it is worth is measured on a test set by
``memeguard evaluate``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.atomic import write_atomically
from model.bundle import CalibrationSpec, MetricRow
from model.calibration import probabilities_of
from model.network.memefier import MemeNetwork
from model.network.memory import KernelMemory
from model.taxonomy import Task
from training.baselines import FrozenTowers, MeasuredSet, baseline_table, labels_of, metric_row
from training.data.examples import Examples
from training.data.modalities import BOTH, Modalities
from training.evaluation.calibrate import fit_calibration
from training.run.build import TrainingSetup, shown_modalities
from training.run.folder import RunFolder, write_json
from training.run.single_modality import as_shipped
from training.trainer.learner import Learner
from training.trainer.trainer import predict

#: A run's network as it ships.
VARIANT = {BOTH: "fused", Modalities(image=False): "text_only", Modalities(text=False): "image_only"}
_ALONE = "_without_memory"


def calibrations(
    tasks: Sequence[Task], examples: Examples, logits: Sequence[NDArray[np.float32]]
) -> dict[str, CalibrationSpec]:
    """Calibration of every task; raises ``CalibrationError`` when the examples' labels do not allow it."""
    pairs = zip(tasks, logits, strict=True)
    return {task.name: fit_calibration(task, found, labels_of(examples, task)) for task, found in pairs}


def network_rows(assembled: TrainingSetup, memory: KernelMemory | None) -> list[MetricRow]:
    """Dev metrics of every task: of what ships, and where that has a memory, of the network without it."""
    learner, shown = assembled.learner, shown_modalities(assembled.config)
    if memory is None:
        return _rows_of(learner, VARIANT[shown], assembled)
    shipped = as_shipped(learner.network, shown, memory)
    return [
        *_rows_of(shipped, VARIANT[shown], assembled),
        *_rows_of(learner, f"{VARIANT[shown]}{_ALONE}", assembled),
    ]


def is_own(row: MetricRow) -> bool:
    """Whether it is of a run's network, and not of a baseline."""
    return row.model.removesuffix(_ALONE) in VARIANT.values()


def _rows_of(model: Learner | MemeNetwork, name: str, assembled: TrainingSetup) -> list[MetricRow]:
    shown, tasks, dev = shown_modalities(assembled.config), assembled.config.network.task_list, assembled.dev
    fitted = calibrations(tasks, assembled.calibrate, predict(model, assembled.calibrate, shown))
    measured = MeasuredSet(data_names(dev), "dev", dev)
    return [
        metric_row(measured, task, name, labels_of(dev, task), probabilities_of(task, found, fitted[task.name]))
        for task, found in zip(tasks, predict(model, dev, shown), strict=True)
    ]


def baseline_rows(assembled: TrainingSetup) -> tuple[list[MetricRow], list[str]]:
    """Dev metrics of the baselines, on towers that nothing has tuned yet, and those that could not be had."""
    learner, chosen = assembled.learner, assembled.config.backbone
    one_space = getattr(chosen, "kind", None) == "open_clip"
    towers = FrozenTowers(learner.network.text_tower, learner.image_tower, one_space=one_space)
    measured = MeasuredSet(data_names(assembled.dev), "dev", assembled.dev)
    table = baseline_table(assembled.all_train, assembled.dev, [measured], towers, assembled.towers.preprocessor)
    return table.rows, table.absent


def write_results(run: RunFolder, rows: Sequence[MetricRow], absent: Sequence[str], about: Mapping[str, Any]) -> None:
    """Both files of a run; ``about`` stands on top of them."""
    document = {**about, "rows": [row.model_dump(mode="json") for row in rows], "absent": list(absent)}
    write_json(run.results_json, document)
    write_atomically(run.results_md, _markdown(rows, absent, about).encode())


def read_rows(run: RunFolder) -> list[MetricRow]:
    """The rows of a finished run."""
    document = json.loads(run.results_json.read_text(encoding="utf-8"))
    return [MetricRow.model_validate(row) for row in document["rows"]]


def _markdown(rows: Sequence[MetricRow], absent: Sequence[str], about: Mapping[str, Any]) -> str:
    head = ", ".join(f"{name} {value}" for name, value in about.items())
    parts = [
        f"# Dev results: {head}\n",
        "95% bootstrap intervals in brackets. Epochs and calibration were chosen on dev: compare rows, and measure "
        "what the network is worth with `memeguard evaluate` on a test set.\n",
    ]
    for task in dict.fromkeys(row.task for row in rows):
        parts.append(_table([row for row in rows if row.task == task]))
    return "\n".join([*parts, *(f"- Not in the table: {reason}" for reason in absent)]) + "\n"


def _table(rows: Sequence[MetricRow]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    lines = [f"## {rows[0].task}, {rows[0].data} ({rows[0].n} items)\n"]
    lines.append(f"| model | {' | '.join(name.replace('_', ' ') for name in names)} |")
    lines.append("|---" * (1 + len(names)) + "|")
    for row in rows:
        cells = [str(row.metrics.get(name, "")) for name in names]
        lines.append(f"| {row.model} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def data_names(examples: Examples) -> str:
    """Names of the datasets that examples come from."""
    return "+".join(dict.fromkeys(sample.dataset for sample in examples.samples))
