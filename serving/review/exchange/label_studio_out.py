"""Tasks for Label Studio: items with their words and picture, and the labels that they have.

A picture is written into the task itself (a ``data:`` address), so that a file is all that has to be imported there.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

import sqlalchemy as sa

from model.picture.containers.sniff import format_of
from model.taxonomy import TASKS, Task
from serving.ledger.queries import Label
from serving.ledger.review_items import State
from serving.ledger.tables import decisions, feedback, pictures, review_items

#: What a label is called in a task's results: ``from_name`` is the task of the taxonomy.
TO_NAME = "meme"
_CHUNK = 200


def label_studio_tasks(
    connection: sa.Connection, states: Sequence[State], limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Tasks in the format of Label Studio's JSON import and export, the items that have waited longest first."""
    item = review_items.c
    asked = sa.select(item.decision_id).where(item.state.in_(states)).order_by(item.queued_at).limit(limit)
    ids = list(connection.execute(asked).scalars())
    for at in range(0, len(ids), _CHUNK):
        part = ids[at : at + _CHUNK]
        found = (
            sa.select(decisions, pictures.c.content.label("picture"))
            .outerjoin(pictures, pictures.c.digest == decisions.c.content_digest)
            .where(decisions.c.decision_id.in_(part))
        )
        rows = {row["decision_id"]: row for row in connection.execute(found).mappings()}
        said = _annotations(connection, part)
        for decision_id in part:
            yield _task(rows[decision_id]) | {"annotations": said.get(decision_id, [])}


def labelling_config(tasks: Sequence[str]) -> str:
    """The project's labelling interface, with a question for each of these tasks."""
    asked = "\n".join(_question(TASKS[name]) for name in tasks)
    return (
        f'<View>\n  <Image name="{TO_NAME}" value="$image"/>\n  <Text name="words" value="$text"/>\n{asked}\n'
        '  <TextArea name="reason" toName="meme" placeholder="Why" maxSubmissions="1"/>\n</View>\n'
    )


def tasks_file(tasks: Sequence[dict[str, Any]]) -> bytes:
    """The tasks as one file."""
    return json.dumps(tasks, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _question(task: Task) -> str:
    choice = "multiple" if task.kind == "multilabel" else "single"
    choices = "".join(f"\n    <Choice value={quoteattr(name)}/>" for name in task.classes)
    opening = f'  <Choices name="{task.name}" toName="{TO_NAME}" choice="{choice}">'
    return f"  <Header value={quoteattr(task.description)}/>\n{opening}{choices}\n  </Choices>"


def _task(row: sa.RowMapping) -> dict[str, Any]:
    return {
        "data": {
            "decision_id": row["decision_id"],
            "image": None if row["picture"] is None else _data_address(row["picture"]),
            "text": row["text"] or "",
        }
    }


def _data_address(picture: bytes) -> str:
    kind = format_of(picture)
    media = "application/octet-stream" if kind is None else f"image/{kind.lower()}"
    return f"data:{media};base64,{base64.b64encode(picture).decode()}"


def _annotations(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    asked = feedback.select().where(feedback.c.decision_id.in_(ids)).order_by(feedback.c.feedback_id)
    for row in connection.execute(asked).mappings():
        result = [_choice(task, label) for task, label in row["labels"].items()]
        if row["reason"]:
            text = {"text": [row["reason"]]}
            result.append({"from_name": "reason", "to_name": TO_NAME, "type": "textarea", "value": text})
        who = {"email": row["reviewer"] or row["key_name"] or ""}
        told = {"completed_by": who, "created_at": row["created_at"].isoformat(), "result": result}
        found.setdefault(row["decision_id"], []).append(told)
    return found


def _choice(task: str, label: Label) -> dict[str, Any]:
    choices = [label] if isinstance(label, str) else label
    return {"from_name": task, "to_name": TO_NAME, "type": "choices", "value": {"choices": choices}}
