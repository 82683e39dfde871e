"""Check of a reviewer's labels, held against the taxonomy: what is not among its classes never gets into the ledger."""

from collections.abc import Mapping

from model.taxonomy import TASKS, Task
from serving.ledger.queries import Label
from serving.problems import ProblemError


def checked_labels(labels: Mapping[str, Label]) -> dict[str, Label]:
    """The same labels, a multilabel task's in the order of its classes; raises ``ProblemError`` 422."""
    checked: dict[str, Label] = {}
    for name, label in labels.items():
        if name not in TASKS:
            raise _unknown("labels names a task that there is not", tuple(TASKS))
        checked[name] = _checked(TASKS[name], label)
    return checked


def _checked(task: Task, label: Label) -> Label:
    classes = [label] if isinstance(label, str) else label
    if not set(classes) <= set(task.classes):
        raise _unknown(f"labels.{task.name} is no class of this task", task.classes)
    if task.kind != "multilabel":
        if not isinstance(label, str):
            raise ProblemError(422, "unknown_label", f"labels.{task.name} must be one class, not a list")
        return label
    if not classes:
        raise ProblemError(422, "unknown_label", f"labels.{task.name} is empty; leave the task out")
    return [name for name in task.classes if name in classes]


def _unknown(what: str, known: tuple[str, ...]) -> ProblemError:
    return ProblemError(422, "unknown_label", f"{what}; known: {', '.join(known)}")
