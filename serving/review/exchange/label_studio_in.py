"""Import of what was labelled in Label Studio: its JSON export, of tasks that were made by ``label_studio_out.py``."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from model.taxonomy import TASKS
from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Label, Review, insert_review
from serving.ledger.tables import decisions, feedback, review_golden
from serving.problems import ProblemError
from serving.review.audit import Reviewer, note
from serving.review.errors import ReviewError


@dataclass
class ImportedLabels:
    """What came of a file: annotations that were new, those that were known, and tasks of decisions that are not here.

    ``golden``: annotations of golden items, whose answer is known already.
    """

    labelled: int = 0
    known: int = 0
    golden: int = 0
    unknown_decisions: int = 0


@dataclass(frozen=True)
class _Annotation:
    labels: dict[str, Label]
    reason: str | None
    reviewer: str


def import_label_studio(connection: sa.Connection, path: Path, reviewer: Reviewer) -> ImportedLabels:
    """Take in a file's annotations as feedback of their authors; open items of theirs are decided.

    Raises ``ReviewError`` for a file that is no such export, and for labels that there are not.
    """
    counts = ImportedLabels()
    for number, task in enumerate(_tasks(path), start=1):
        try:
            decision_id = str(task["data"]["decision_id"])
            annotations = list(_annotations(task))
        except (KeyError, TypeError, AttributeError, ProblemError) as error:
            said = error.detail if isinstance(error, ProblemError) else f"{type(error).__name__}: {error}"
            raise ReviewError(f"{path}, task {number}: it cannot be read ({said})") from error
        _take(connection, decision_id, annotations, reviewer, counts)
    return counts


def _tasks(path: Path) -> list[dict[str, Any]]:
    try:
        tasks = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ReviewError(f"{path}: it cannot be read as JSON ({error})") from error
    if not isinstance(tasks, list):
        raise ReviewError(f"{path}: no list of tasks; export from Label Studio as JSON (not JSON-MIN)")
    return tasks


def _annotations(task: Mapping[str, Any]) -> Iterator[_Annotation]:
    """Those that were submitted and say something; raises ``ProblemError`` for labels that there are not."""
    for one in task["annotations"]:
        labels: dict[str, Label] = {}
        reason = None
        for result in one["result"]:
            name = result["from_name"]
            if name in TASKS:
                choices = result["value"]["choices"]
                labels[name] = choices if TASKS[name].kind == "multilabel" or len(choices) != 1 else choices[0]
            elif name == "reason":
                reason = "\n".join(result["value"]["text"])
        if labels and not one.get("was_cancelled", False):
            yield _Annotation(checked_labels(labels), reason, _author(one.get("completed_by")))


def _author(completed_by: Any) -> str:
    """The e-mail address where it is told, else the number of the user."""
    if isinstance(completed_by, dict):
        return str(completed_by.get("email") or completed_by.get("id") or "unknown")
    return f"Label Studio user {completed_by}"


def _take(
    connection: sa.Connection,
    decision_id: str,
    annotations: list[_Annotation],
    reviewer: Reviewer,
    counts: ImportedLabels,
) -> None:
    there = sa.select(decisions.c.decision_id).where(decisions.c.decision_id == decision_id)
    if connection.execute(there).first() is None:
        counts.unknown_decisions += 1
        return
    golden = sa.select(review_golden.c.decision_id).where(review_golden.c.decision_id == decision_id)
    if connection.execute(golden).first() is not None:
        counts.golden += len(annotations)
        return
    for one in annotations:
        if _is_known(connection, decision_id, one):
            counts.known += 1
            continue
        insert_review(connection, Review(decision_id, one.labels, one.reason, one.reviewer, None))
        note(connection, "imported", reviewer, decision_id, labels=one.labels, reason=one.reason)
        counts.labelled += 1


def _is_known(connection: sa.Connection, decision_id: str, one: _Annotation) -> bool:
    asked = sa.select(feedback.c.labels).where(
        feedback.c.decision_id == decision_id, feedback.c.reviewer == one.reviewer
    )
    return any(labels == one.labels for labels in connection.execute(asked).scalars())
