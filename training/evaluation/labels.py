"""Labels of samples as arrays, task by task, and which tasks of a bundle can be measured on them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.taxonomy import TASKS, Task
from training.datasets import DatasetError, Sample
from training.evaluation.metrics.measures import Ints


@dataclass(frozen=True)
class Question:
    """A task of a bundle, and the task whose labels it is measured against (nearly always itself)."""

    task: Task
    labels_of: str

    @property
    def title(self) -> str:
        """The task's name; with whose labels, when they are another task's."""
        return self.task.name if self.labels_of == self.task.name else f"{self.task.name} (labels: {self.labels_of})"


def questions(
    source: str, samples: Sequence[Sample], tasks: Sequence[Task], as_task: Mapping[str, str], only: Sequence[str] = ()
) -> list[Question]:
    """What can be measured on ``samples``: those of the bundle's ``tasks`` (of them ``only`` some) that are labelled.

    ``as_task`` {task: other task} measures a task against the labels of another, where the caller holds the two for
    the same. Raises ``DatasetError`` naming the tasks that are labelled when the bundle has none of them.
    """
    found = Counter(name for sample in samples for name in sample.labels)
    wanted = [task for task in tasks if not only or task.name in only]
    asked = [Question(task, as_task.get(task.name, task.name)) for task in wanted]
    usable = [question for question in asked if found[question.labels_of]]
    if usable:
        return usable
    there = ", ".join(f"{name} ({n} items)" for name, n in found.items()) or "nothing"
    hint = _hint(wanted, found)
    raise DatasetError(
        f"{source}: no labels for {', '.join(task.name for task in wanted)}, which the bundle judges; labelled here: "
        f"{there}{hint}"
    )


def parse_as_task(pairs: Sequence[str], tasks: Sequence[Task]) -> dict[str, str]:
    """``["hateful=offensive"]`` to ``{"hateful": "offensive"}``.

    Raises ``DatasetError`` for a task that the bundle does not have or that does not exist, and for two tasks whose
    classes do not stand for each other (only yes/no tasks do).
    """
    mapping = {}
    for pair in pairs:
        name, _, labels_of = pair.partition("=")
        if name not in {task.name for task in tasks}:
            raise DatasetError(
                f"--as-task {pair}: the bundle has no task {name!r}; it has {', '.join(task.name for task in tasks)}"
            )
        if labels_of not in TASKS:
            raise DatasetError(f"--as-task {pair}: unknown task {labels_of!r}; known tasks: {', '.join(TASKS)}")
        if {TASKS[name].kind, TASKS[labels_of].kind} != {"binary"}:
            raise DatasetError(f"--as-task {pair}: both must be yes/no tasks, whose classes stand for each other")
        mapping[name] = labels_of
    return mapping


def labelled(question: Question, samples: Sequence[Sample]) -> tuple[Ints, Ints]:
    """Rows [K] of ``samples`` that have the label, and the labels: [K], or 0 and 1 [K, C] for a multilabel task."""
    known = [
        (row, sample.labels[question.labels_of])
        for row, sample in enumerate(samples)
        if question.labels_of in sample.labels
    ]
    rows = np.array([row for row, _ in known], dtype=np.int64)
    if question.task.kind != "multilabel":
        return rows, np.array([label for _, label in known], dtype=np.int64)
    sets = np.zeros((len(known), len(question.task.classes)), dtype=np.int64)
    for row, (_, label) in enumerate(known):
        sets[row, list(label) if isinstance(label, tuple) else [label]] = 1
    return rows, sets


def class_counts(question: Question, labels: Ints) -> dict[str, int]:
    """How many items each class of the task has."""
    names = question.task.classes
    if labels.ndim == 2:
        return {name: int(labels[:, index].sum()) for index, name in enumerate(names)}
    return {name: int((labels == index).sum()) for index, name in enumerate(names)}


def _hint(wanted: Sequence[Task], found: Mapping[str, int]) -> str:
    """How to measure on another task's labels, where that is possible."""
    mine = [task.name for task in wanted if task.kind == "binary"]
    theirs = [name for name in found if name in TASKS and TASKS[name].kind == "binary"]
    if not mine or not theirs:
        return ""
    return f". If the two mean the same to you, say --as-task {mine[0]}={theirs[0]}"
