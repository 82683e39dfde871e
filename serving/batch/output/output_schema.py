"""Schema of the output: verdicts and failures as Parquet rows: the fields of the HTTP answer, with types.

A row has a verdict or an ``error``, never both. Scores of tasks that the bundle does not have are not columns.
``image_found`` is the file of a picture that the row writes otherwise, with what it was found by; else null.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from model import Failure, Verdict
from model.files.picture_finder import Found
from model.taxonomy import Task

_BOX = pa.list_(pa.int32())
_WORD = pa.struct([("text", pa.string()), ("box", _BOX), ("confidence", pa.float64())])
_TEXT = pa.struct(
    [
        ("content", pa.string()),
        ("source", pa.string()),
        ("status", pa.string()),
        ("engine", pa.string()),
        ("engine_version", pa.string()),
        ("confidence", pa.float64()),
        ("words", pa.list_(_WORD)),
        ("detail", pa.string()),
        ("judged_chars", pa.int32()),
        ("unread", pa.list_(_BOX)),
    ]
)
_POLICY = pa.struct(
    [("name", pa.string()), ("version", pa.string()), ("digest", pa.string()), ("reasons", pa.list_(pa.string()))]
)
_MATCH = pa.struct([("word_list", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("action", pa.string())])
_ENGINES = pa.struct([("image_tower", pa.string()), ("head", pa.string()), ("ocr", pa.string())])
_MODEL = pa.struct([("name", pa.string()), ("version", pa.string()), ("digest", pa.string()), ("engines", _ENGINES)])
_KNOWN = pa.struct(
    [
        ("bank", pa.string()),
        ("entry", pa.string()),
        ("kind", pa.string()),
        ("action", pa.string()),
        ("picture_distance", pa.int32()),
        ("words_distance", pa.float64()),
        ("mirrored", pa.bool_()),
        ("quarantined", pa.bool_()),
    ]
)
_ERROR = pa.struct([("code", pa.string()), ("message", pa.string())])
_FOUND = pa.struct([("path", pa.string()), ("by", pa.string())])
_NUMBERS = pa.map_(pa.string(), pa.float64())
_MEMORY = pa.struct([("entries", pa.int32()), ("shifts", _NUMBERS)])

#: What a verdict says of categories of one's own where none are scored, as in a batch.
_NO_CATEGORIES: dict[str, Any] = {"categories": {}, "categories_digest": None}


def _scores_type(tasks: Sequence[Task]) -> pa.DataType:
    return pa.struct([(task.name, _score_type(task)) for task in tasks])


def _picture_type(tasks: Sequence[Task]) -> pa.DataType:
    view = [("frame", pa.int32()), ("ground", pa.string()), ("text", pa.string()), ("scores", _scores_type(tasks))]
    return pa.struct(
        [
            ("format", pa.string()),
            ("width_px", pa.int32()),
            ("height_px", pa.int32()),
            ("is_animated", pa.bool_()),
            ("n_frames", pa.int32()),
            ("status", pa.string()),
            ("detail", pa.string()),
            ("damage", pa.string()),
            ("views", pa.list_(pa.struct(view))),
            ("strictest", pa.int32()),
        ]
    )


def schema(tasks: Sequence[Task]) -> pa.Schema:
    """Columns of an output shard, of a bundle with these tasks."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            ("decision_id", pa.string()),
            ("decision", pa.string()),
            ("policy", _POLICY),
            ("scores", _scores_type(tasks)),
            ("severity", pa.map_(pa.string(), pa.string())),
            ("matches", pa.list_(_MATCH)),
            ("text", _TEXT),
            ("picture", _picture_type(tasks)),
            ("model", _MODEL),
            ("timings_ms", _NUMBERS),
            ("judged_as", pa.string()),
            ("known", pa.list_(_KNOWN)),
            ("memory", _MEMORY),
            ("error", _ERROR),
            ("image_found", _FOUND),
        ]
    )


def to_row(id: str, outcome: Verdict | Failure, found: Found | None = None) -> dict[str, Any]:
    """One row of ``schema``; ``id`` is the item's in the input. ``found``: a picture that is called otherwise there."""
    row = {"id": id, "image_found": None if found is None else _found(found)}
    if isinstance(outcome, Failure):
        return row | {"error": {"code": outcome.code, "message": outcome.message}}
    document = outcome.to_dict() | row
    for name in ("explanation", *_NO_CATEGORIES):  # asked for over HTTP, a meme at a time
        del document[name]
    for name in ("severity", "timings_ms"):
        document[name] = list(document[name].items())
    if document["memory"] is not None:
        document["memory"]["shifts"] = list(document["memory"]["shifts"].items())
    return document


def to_answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as HTTP would have answered it."""
    if row["error"] is not None:
        return {"id": row["id"], "error": row["error"]}
    document = {name: value for name, value in row.items() if name not in ("error", "image_found")}
    if document["memory"] is not None:
        document["memory"] = document["memory"] | {"shifts": dict(document["memory"]["shifts"])}
    return document | {name: dict(document[name]) for name in ("severity", "timings_ms")} | _NO_CATEGORIES


def to_table(rows: Sequence[Mapping[str, Any]], tasks: Sequence[Task]) -> pa.Table:
    """Rows of one shard, in order."""
    return pa.Table.from_pylist(list(rows), schema=schema(tasks))


def _found(found: Found) -> dict[str, str]:
    return {"path": str(found.path).encode("utf-8", "backslashreplace").decode(), "by": ", ".join(found.by)}


def _score_type(task: Task) -> pa.DataType:
    return pa.float64() if task.kind == "binary" else pa.struct([(name, pa.float64()) for name in task.classes])
