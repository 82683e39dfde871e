"""What a run reached on dev, beside the baselines: RUN/results.json and RUN/results.md.

Epochs, calibration and thresholds are chosen on dev, so these numbers flatter the network. They are for comparing runs
and for seeing whether a network beats what it has to beat; what it is worth is measured on a test set by
``memeguard evaluate``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.atomic import write_atomically
from model.bundle import CalibrationSpec, MetricRow
from model.calibration import probabilities_by_row
from model.taxonomy import Task
from training.baselines import FrozenTowers, MeasuredSet, baseline_table, labels_of, metric_row
from training.data.examples import Examples
from training.data.modalities import BOTH, TITLES, Modalities
from training.evaluation.calibrate import fit_calibration, known_rows
from training.run.build import TrainingSetup
from training.run.folder import RunFolder, write_json
from training.run.modality_rows import ModalityFits
from training.run.trained import OF_SEEDS, AveragedSeeds, TrainedNetwork
from training.trainer.frozen_text import read_together

Floats = NDArray[np.float64]
_ALONE = "_without_memory"


def calibrations(
    tasks: Sequence[Task], examples: Examples, logits: Sequence[NDArray[np.float32]]
) -> dict[str, CalibrationSpec]:
    """Calibration of every task; raises ``CalibrationError`` when the examples' labels do not allow it."""
    pairs = zip(tasks, logits, strict=True)
    return {task.name: fit_calibration(task, found, labels_of(examples, task)) for task, found in pairs}


def network_rows(
    networks: Sequence[TrainedNetwork],
    calibrate: Examples,
    sets: Sequence[MeasuredSet],
    *,
    average: AveragedSeeds | None = None,
    alone: bool = False,
) -> list[MetricRow]:
    """Metrics of every set and task, a row for all seeds of one variant; calibrated on ``calibrate``.

    An ``average`` of the networks has a row of its own. With ``alone`` a variant that has a memory has a second row, of
    the network without it.
    """
    without = [replace(network, memory=None) for network in networks if alone and network.memory is not None]
    found: dict[str, list[dict[tuple[int, str], Floats]]] = {}
    with _texts_read_once(networks, [calibrate, *(measured.examples for measured in sets)]):
        for suffix, kind in (("", networks), (_ALONE, without)):
            for network in kind:
                found.setdefault(f"{network.variant}{suffix}", []).append(_probabilities(network, calibrate, sets))
        if average is not None:
            found[average.variant] = [_probabilities(average, calibrate, sets)]
    return [
        metric_row(measured, task, name, labels_of(measured.examples, task), *(run[index, task.name] for run in runs))
        for (index, measured), task in product(enumerate(sets), calibrate.tasks)
        for name, runs in found.items()
        if (index, task.name) in runs[0]
    ]


def _texts_read_once(networks: Sequence[TrainedNetwork], measured: Iterable[Examples]) -> AbstractContextManager[None]:
    """Networks whose text tower was trained once have equal ones: most of the time would go into reading anew."""
    towers = [network.learner.network.text_tower for network in networks]
    tags = any(network.learner.network.config.knowledge for network in networks)
    parts = (examples.in_windows()[0] for examples in measured)
    return read_together(towers, [text for part in parts for text in part.texts(BOTH, tags=tags)])


def _probabilities(
    network: TrainedNetwork | AveragedSeeds, calibrate: Examples, sets: Sequence[MeasuredSet]
) -> dict[tuple[int, str], Floats]:
    """Calibrated probabilities by set and task, of those sets that it sees something of and that have the labels."""
    fits = ModalityFits(calibrate, network.logits)
    found = {}
    for index, measured in enumerate(sets):
        if not _sees_something(network.shown, measured.examples):
            continue
        for task, logits in zip(calibrate.tasks, network.logits(measured.examples), strict=True):
            if known_rows(labels_of(measured.examples, task)).any():
                specs = [fits.fit(task, BOTH.of(sample)).spec for sample in measured.examples.samples]
                found[index, task.name] = probabilities_by_row(task, logits, specs)
    return found


def _sees_something(shown: Modalities, examples: Examples) -> bool:
    """Whether some sample has what a network is shown."""
    pairs = ((sample.image is not None, bool(sample.text)) for sample in examples.samples)
    return any((shown.image and has_image) or (shown.text and has_text) for has_image, has_text in pairs)


def dev_set(dev: Examples) -> MeasuredSet:
    """The dev samples under the names of their datasets."""
    return MeasuredSet(data_names(dev), "dev", dev)


def held_out_sets(tests: Sequence[Examples]) -> list[MeasuredSet]:
    """The test sets under the names of their datasets."""
    return [MeasuredSet(data_names(test), "test", test) for test in tests]


def is_own(row: MetricRow) -> bool:
    """Whether it is of a run's network, and not of a baseline."""
    return row.model.removesuffix(_ALONE).removesuffix(OF_SEEDS) in TITLES.values()


def baseline_rows(assembled: TrainingSetup) -> tuple[list[MetricRow], list[str]]:
    """Metrics of the baselines, on towers that nothing has tuned yet, and those baselines that could not be had."""
    learner, chosen = assembled.learner, assembled.config.backbone
    one_space = getattr(chosen, "kind", None) == "open_clip"
    towers = FrozenTowers(learner.network.text_tower, learner.image_tower, one_space=one_space)
    sets = [dev_set(assembled.dev), *held_out_sets(assembled.tests)]
    table = baseline_table(assembled.train_of(), assembled.dev, sets, towers, assembled.towers.preprocessor)
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
    for table in dict.fromkeys((row.task, row.data, row.split) for row in rows):
        parts.append(_table([row for row in rows if (row.task, row.data, row.split) == table]))
    return "\n".join([*parts, *(f"- Not in the table: {reason}" for reason in absent)]) + "\n"


def _table(rows: Sequence[MetricRow]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    split = "" if rows[0].split == "dev" else f" {rows[0].split}"
    lines = [f"## {rows[0].task}, {rows[0].data}{split} ({rows[0].n} items)\n"]
    lines.append(f"| model | {' | '.join(name.replace('_', ' ') for name in names)} |")
    lines.append("|---" * (1 + len(names)) + "|")
    for row in rows:
        cells = [str(row.metrics.get(name, "")) for name in names]
        lines.append(f"| {row.model} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def data_names(examples: Examples) -> str:
    """Names of the datasets that examples come from."""
    return "+".join(dict.fromkeys(sample.dataset for sample in examples.samples))
