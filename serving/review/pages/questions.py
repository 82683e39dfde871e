"""Questions of an item: a task of the bundle each, with the answers that the number keys choose.

And what was answered, in a line.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from model.taxonomy import TASKS, Task
from serving.ledger.queries import Label
from serving.web.titles import class_title, task_title

#: Answers that have a key: those of the row of numbers.
_KEYS = 9
#: Where a description names the data set that it is from.
_FROM_A_SET = re.compile(r" \(\w+\)(?=\.)")


@dataclass(frozen=True)
class Answer:
    """One class of a task. ``key`` is None where there are more answers than number keys."""

    value: str
    title: str
    key: str | None
    chosen: bool = False


@dataclass(frozen=True)
class Question:
    """One task. ``several`` says that more than one answer may be chosen, ``needed`` that one must be."""

    name: str
    title: str
    description: str
    several: bool
    needed: bool
    answers: tuple[Answer, ...]


def questions(tasks: Iterable[str], chosen: Mapping[str, Label] | None = None) -> tuple[Question, ...]:
    """Of these tasks, in the taxonomy's order; the first one must be answered. ``chosen`` are answers given before."""
    asked = [task for name, task in TASKS.items() if name in set(tasks)]
    return tuple(_question(task, (chosen or {}).get(task.name, []), needed=not i) for i, task in enumerate(asked))


def labels_of(form: Mapping[str, list[str]], tasks: Iterable[str]) -> dict[str, Label]:
    """By task what was chosen in a form whose fields are called ``label.TASK``; tasks without an answer are left out.

    What is no class is left in: ``checked_labels`` refuses it.
    """
    given = {name: form.get(f"label.{name}", []) for name in tasks}
    return {
        name: values if TASKS[name].kind == "multilabel" else values[-1]
        for name, values in given.items()
        if any(values)
    }


def _question(task: Task, chosen: Label, *, needed: bool) -> Question:
    held = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    answers = tuple(
        Answer(name, class_title(name).capitalize(), str(place) if place <= _KEYS else None, name in held)
        for place, name in enumerate(task.classes, start=1)
    )
    hint = _FROM_A_SET.sub("", task.description)
    return Question(task.name, task_title(task.name), hint, task.kind == "multilabel", needed, answers)


def label_text(labels: Mapping[str, Label]) -> str:
    """What was answered, in a line: "not hateful; target: religion, disability"."""
    return "; ".join(_said(task, label) for task, label in labels.items()) or "nothing"


def _said(task: str, label: Label) -> str:
    classes = [label] if isinstance(label, str) else label
    told = ", ".join(class_title(name) for name in classes)
    return told if task in TASKS and TASKS[task].kind == "binary" else f"{task_title(task).lower()}: {told}"
