"""Export of feedback as training rows: a folder in the layout of ``data_cards/generic.md``, which training reads as is.

A decision is a row; its labels are those of its feedback, the last word on each task. Where neither words nor picture
were kept there is nothing to train on: such a row goes to ``without_content/``, with the digest by which the content
can be found where it is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from model.atomic import open_atomically, write_atomically
from model.files.picture_names import SUFFIX_OF
from model.picture.containers.sniff import format_of
from serving.ledger.database import Database
from serving.ledger.errors import LedgerError
from serving.ledger.queries import Label
from serving.ledger.tables import decisions, feedback, pictures

ROWS_FILE = "feedback.jsonl"
WITHOUT_CONTENT = "without_content"
_PICTURES = "img"
_BATCH = 500
_PROVENANCE = (
    "kind", "content_digest", "text_digest", "text_source", "text_engine", "decision", "scores", "model_name",
    "model_version", "model_digest", "model_engines", "policy_name", "policy_version", "policy_digest",
)  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """How many decisions with feedback were written, and how many of them have nothing to train on."""

    trainable: int
    without_content: int


def export_feedback(database: Database, folder: Path, since: datetime | None = None) -> Exported:
    """Write the decisions that got feedback, or got it since a moment, into a new ``folder``.

    Raises ``LedgerError`` when there is something in the folder already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise LedgerError(f"{folder} is not empty; name a folder that is not there yet")
    folder.mkdir(parents=True, exist_ok=True)
    without_content = folder / WITHOUT_CONTENT / ROWS_FILE
    with (
        database.reading() as connection,
        open_atomically(folder / ROWS_FILE) as rows,
        open_atomically(without_content) as others,
    ):
        counts = _export(connection, folder, since, rows, others)
    # An empty table would be an unreadable one.
    if not counts.trainable:
        (folder / ROWS_FILE).unlink()
    if not counts.without_content:
        without_content.unlink()
        without_content.parent.rmdir()
    return counts


def _export(
    connection: sa.Connection, folder: Path, since: datetime | None, rows: BinaryIO, others: BinaryIO
) -> Exported:
    trainable = without_content = 0
    for decision in _labelled(connection, since):
        row = _row(decision) | _content(connection, decision, folder)
        if "image" in row or "text" in row:
            trainable += 1
            _write(rows, row)
        else:
            without_content += 1
            _write(others, row)
    return Exported(trainable, without_content)


def _labelled(connection: sa.Connection, since: datetime | None) -> Iterator[dict[str, Any]]:
    """Decisions in the order of their ids, each with its ``reviews`` in the order they came."""
    wanted = sa.select(feedback.c.decision_id).distinct()
    if since is not None:
        wanted = wanted.where(feedback.c.created_at >= since)
    ids = list(connection.execute(wanted.order_by(feedback.c.decision_id)).scalars())
    for at in range(0, len(ids), _BATCH):
        part = ids[at : at + _BATCH]
        reviews: dict[str, list[dict[str, Any]]] = {decision_id: [] for decision_id in part}
        given = feedback.select().where(feedback.c.decision_id.in_(part)).order_by(feedback.c.feedback_id)
        for review in connection.execute(given).mappings():
            reviews[review["decision_id"]].append(dict(review))
        found = decisions.select().where(decisions.c.decision_id.in_(part)).order_by(decisions.c.decision_id)
        for row in connection.execute(found).mappings().all():
            yield dict(row) | {"reviews": reviews[row["decision_id"]]}


def _row(decision: dict[str, Any]) -> dict[str, Any]:
    """Id, labels and where they come from. Column names beside the tasks' are none that a reader gives a meaning."""
    labels: dict[str, Label] = {}
    for review in decision["reviews"]:
        labels |= review["labels"]
    last = decision["reviews"][-1]
    reviewers = sorted({name for review in decision["reviews"] if (name := review["reviewer"] or review["key_name"])})
    return {
        "id": decision["decision_id"],
        **labels,
        "caller_id": decision["caller_id"],
        "decided_at": decision["created_at"].isoformat(),
        "reviewed_at": last["created_at"].isoformat(),
        "reviewers": reviewers,
        "reason": last["reason"],
        **{name: decision[name] for name in _PROVENANCE},
    }


def _content(connection: sa.Connection, decision: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What is kept of the words and the picture; the picture is written to ``img/`` by its digest."""
    content: dict[str, Any] = {}
    if decision["text"]:
        content["text"] = decision["text"]
    if decision["tags"]:
        content["tags"] = decision["tags"]
    digest = decision["content_digest"]
    picture = connection.execute(sa.select(pictures.c.content).where(pictures.c.digest == digest)).scalar()
    if picture is not None:
        name = f"{_PICTURES}/{digest}{_suffix(picture)}"
        if not (folder / name).exists():
            write_atomically(folder / name, picture)
        content["image"] = name
    return content


def _suffix(picture: bytes) -> str:
    return SUFFIX_OF.get(format_of(picture) or "", "")


def _write(file: BinaryIO, row: dict[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
