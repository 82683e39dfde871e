"""Import of a batch run's sample: each item becomes a decision in the ledger, with the verdict that batch gave it.

Words and pictures are kept whatever the server's settings say: they are what reviewers look at.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from model.taxonomy import TASKS
from serving.batch.output.review_sample import FOLDER, SAMPLE_FILE
from serving.ledger.entry import Entry
from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Label, Review, insert_entries, insert_review
from serving.ledger.review_items import item_row
from serving.ledger.tables import decisions
from serving.problems import ProblemError
from serving.review.audit import Reviewer, note
from serving.review.errors import ReviewError

_CHUNK = 100


@dataclass(frozen=True)
class ImportedSample:
    """Items that came in, those that were there already, and labels that somebody had filled in."""

    added: int
    known: int
    labelled: int


def import_sample(connection: sa.Connection, folder: Path, reviewer: Reviewer) -> ImportedSample:
    """Take in the sample of a run: ``folder`` is the run's, or the one named review in it. Again: only what is new.

    Raises ``ReviewError`` for a folder that has none, or whose shards do not have its verdicts.
    """
    sample = folder if (folder / SAMPLE_FILE).exists() else folder / FOLDER
    rows = dict(_rows(sample / SAMPLE_FILE))
    verdicts = {row["id"]: row for row in _verdicts(sample.parent, list(rows))}
    missing = rows.keys() - verdicts.keys()
    if missing:
        raise ReviewError(
            f"{sample.parent} has no verdicts of {len(missing)} items of its sample: name the folder that batch wrote, "
            "with its part-*.parquet beside the sample"
        )
    ids = {id: verdicts[id]["decision_id"] for id in rows}
    known = _known(connection, list(ids.values()))
    new = [id for id in rows if ids[id] not in known]
    labelled = 0
    for at in range(0, len(new), _CHUNK):
        part = new[at : at + _CHUNK]
        insert_entries(connection, [_entry(rows[id], verdicts[id], sample) for id in part])
        for id in part:
            note(connection, "imported", reviewer, ids[id], reason=rows[id].get("why"))
            labelled += _label(connection, ids[id], rows[id], reviewer)
    return ImportedSample(len(new), len(rows) - len(new), labelled)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(
            f"{path.parent} has no sample to review ({SAMPLE_FILE}); `memeguard batch --sample-review N` writes one"
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            yield str(row["id"]), row
        except (ValueError, KeyError, TypeError) as error:
            raise ReviewError(f"{path}, line {number}: no row of a sample ({error})") from error


def _verdicts(run: Path, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of the run's shards, a shard in memory at a time."""
    for shard in sorted(run.glob("part-*.parquet")):
        table = pq.read_table(shard, filters=[("id", "in", ids)])
        yield from (row for row in table.to_pylist() if row["decision"] is not None)


def _known(connection: sa.Connection, ids: list[str]) -> set[str]:
    known: set[str] = set()
    for at in range(0, len(ids), _CHUNK):
        asked = sa.select(decisions.c.decision_id).where(decisions.c.decision_id.in_(ids[at : at + _CHUNK]))
        known.update(connection.execute(asked).scalars())
    return known


def _entry(row: Mapping[str, Any], verdict: Mapping[str, Any], folder: Path) -> Entry:
    text, policy, model = verdict["text"], verdict["policy"], verdict["model"]
    picture = _picture(folder, row["img"]) if row.get("img") else None
    words = row["text"]
    decision = {
        "decision_id": verdict["decision_id"],
        "caller_id": row["id"],
        "created_at": datetime.now(UTC),
        "kind": "text" if picture is None else "picture",
        "content_digest": hashlib.sha256(_bytes(words) if picture is None else picture).hexdigest(),
        "text_digest": hashlib.sha256(_bytes(words)).hexdigest(),
        **{f"text_{name}": text[name] for name in ("source", "status", "engine", "engine_version")},
        "scores": verdict["scores"],
        "decision": verdict["decision"],
        "reasons": policy["reasons"],
        "severity": dict(verdict["severity"]),
        **{f"model_{name}": model.get(name) for name in ("name", "version", "digest", "engines")},
        **{f"policy_{name}": policy[name] for name in ("name", "version", "digest")},
        "key_name": None,
        "request_id": "review import",
        "route": None,
        "text": words,
        "tags": None,
        "matches": verdict["matches"],
    }
    known = verdict.get("known") or [{"bank": None}]
    return Entry(decision, picture, item=item_row(decision, "import") | {"bank": known[0]["bank"]})


def _picture(folder: Path, name: str) -> bytes:
    """The file beside the sample; a name that leads out of it is refused."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ReviewError(f"the sample names a picture outside its folder: {name}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReviewError(f"{path} is named in the sample and cannot be read ({error.strerror})") from error


def _bytes(words: str) -> bytes:
    return words.encode("utf-8", "surrogatepass")


def _label(connection: sa.Connection, decision_id: str, row: Mapping[str, Any], reviewer: Reviewer) -> bool:
    """Keep labels that were filled in, as classes or as 0 and 1; whether there were any."""
    given: dict[str, Label] = {}
    for name, value in row.items():
        if name in TASKS and value is not None:
            given[name] = TASKS[name].classes[value] if value in (0, 1) and TASKS[name].kind == "binary" else value
    if not given:
        return False
    try:
        labels = checked_labels(given)
    except ProblemError as error:
        raise ReviewError(f"item {row['id']}: {error.detail}") from error
    insert_review(connection, Review(decision_id, labels, None, reviewer.name, reviewer.key_name))
    return True
