"""Logits of a network over a set, and the dev metrics that choose its epoch."""

from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray

from model.network.memefier import MemeNetwork
from model.parts.pooling import pool
from model.taxonomy import Task
from training.data.examples import Examples
from training.data.modalities import BOTH, Modalities
from training.datasets.base import ABSENT
from training.errors import ConfigError
from training.evaluation.metrics.measures import primary_measure
from training.trainer.learner import Learner

Logits = list[NDArray[np.float32]]
_BATCH_SIZE = 32
_DIGITS = 4


def predict(
    model: MemeNetwork | Learner,
    examples: Examples,
    modalities: Modalities = BOTH,
    *,
    accelerator: Accelerator | None = None,
) -> Logits:
    """Logits [N, n_logits] a task, in the order of ``examples``, float32 on the device where ``model`` lies.

    A long text is judged in windows, of which the highest logit counts, as the service does it. With the
    ``accelerator`` of several processes, which must all call this, each does its share and gets everything.
    """
    model.eval()
    parts, owners = examples.in_windows()
    order = np.argsort([len(sample.text) for sample in parts.samples], kind="stable")
    chunks = [order[at : at + _BATCH_SIZE] for at in range(0, len(order), _BATCH_SIZE)]
    process, n_processes = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    done = [
        (index, _logits(model, parts, chunks[index], modalities)) for index in range(process, len(chunks), n_processes)
    ]
    if n_processes > 1:
        done = sorted(gather_object(done), key=lambda part: int(part[0]))
    stacked = [np.concatenate(parts) for parts in zip(*(logits for _, logits in done), strict=True)]
    back = np.argsort(order, kind="stable")
    return _pooled(examples.tasks, [logits[back] for logits in stacked], owners)


def _pooled(tasks: tuple[Task, ...], logits: Logits, owners: NDArray[np.int64]) -> Logits:
    """Of each sample the highest of its windows; ``owners`` [W] ascends."""
    _, starts, counts = np.unique(owners, return_index=True, return_counts=True)
    pooled = [values[starts] for values in logits]
    for sample in np.flatnonzero(counts > 1):
        rows = slice(starts[sample], starts[sample] + counts[sample])
        found = pool(tasks, {task.name: values[rows] for task, values in zip(tasks, logits, strict=True)})
        for values, task in zip(pooled, tasks, strict=True):
            values[sample] = found.logits[task.name][0]
    return pooled


def _logits(model: MemeNetwork | Learner, examples: Examples, rows: NDArray[Any], modalities: Modalities) -> Logits:
    batch = examples.batch(rows.tolist(), modalities).to(next(model.parameters()).device)
    with torch.inference_mode():
        logits = model.logits(batch) if isinstance(model, Learner) else model(*batch.inputs)
    return [task_logits.float().cpu().numpy() for task_logits in logits]


def dev_metrics(
    model: MemeNetwork | Learner, dev: Examples, modalities: Modalities, *, accelerator: Accelerator | None = None
) -> dict[str, float]:
    """Of each task that ``dev`` can judge: AUROC (mean over labels if several), or macro-F1 of a multiclass task."""
    logits = predict(model, dev, modalities, accelerator=accelerator)
    metrics = {}
    for index, task in judged_tasks(dev).items():
        labels, scores = _known(dev, index, logits[index])
        metrics[task.name] = round(primary_measure(task.kind)(labels, scores), _DIGITS)
    return metrics


def judged_tasks(dev: Examples) -> dict[int, Task]:
    """Index and task of each that ``dev`` has two classes of (a multilabel task: some label with and without)."""
    return {index: task for index, task in enumerate(dev.tasks) if _can_judge(dev, index, task)}


def check_selection(dev: Examples, select_on: str) -> None:
    """Raise ``ConfigError`` when ``dev`` cannot tell a better epoch by ``select_on``."""
    if select_on not in {task.name for task in judged_tasks(dev).values()}:
        known = ", ".join(task.name for task in judged_tasks(dev).values()) or "none of them"
        raise ConfigError(
            f"select_on is {select_on!r}, but dev has no items of two classes of it, so it cannot choose an epoch; "
            f"tasks that it can judge: {known}"
        )


def _can_judge(dev: Examples, index: int, task: Task) -> bool:
    if task.kind != "multilabel":
        return len(set(dev.labels(index).tolist()) - {ABSENT}) > 1
    sets = dev.label_sets(task.name)
    sets = sets[(sets != ABSENT).all(axis=1)]
    return bool(((sets == 1).any(axis=0) & (sets == 0).any(axis=0)).any())


def _known(dev: Examples, index: int, logits: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and scores of the samples that have a label, in the shapes that a ``Measure`` takes.

    Logits serve as scores: both metrics only look at their order.
    """
    task = dev.tasks[index]
    scores = logits.astype(np.float64)
    if task.kind == "multilabel":
        sets = dev.label_sets(task.name)
        known = (sets != ABSENT).all(axis=1)
        return sets[known].astype(np.int64), scores[known]
    labels = dev.labels(index)
    known = labels != ABSENT
    return labels[known], scores[known, 0] if task.kind == "binary" else scores[known]
