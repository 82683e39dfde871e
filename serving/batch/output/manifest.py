"""Manifest of a run: what its shards hold, how long its sessions took, and ``_SUCCESS`` last."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.atomic import file_digest, write_atomically
from serving.batch.errors import BatchError
from serving.batch.input.files import without_secrets
from serving.batch.partition_files import partition_name, read_ids
from serving.batch.plan import FOLDER, Plan, partition_path, remove_partitions


@contextmanager
def record_session(out: Path, **facts: Any) -> Iterator[None]:
    """Write when a session began and, if it is not killed, how long it took; ``facts`` are kept beside."""
    number = len(_session_files(out)) + 1
    path = out / FOLDER / f"session-{number:06}.json"
    session: dict[str, Any] = {"began_at": datetime.now(UTC).isoformat(timespec="seconds"), **facts, "seconds": None}
    started = time.monotonic()
    write_atomically(path, json.dumps(session).encode())
    yield
    session["seconds"] = round(time.monotonic() - started, 3)
    write_atomically(path, json.dumps(session).encode())


def timings(out: Path) -> dict[str, Any]:
    """All sessions, and the seconds of those that were not killed."""
    sessions = [json.loads(path.read_bytes()) for path in _session_files(out)]
    return {"seconds": round(sum(one["seconds"] or 0 for one in sessions), 3), "sessions": sessions}


def _session_files(out: Path) -> list[Path]:
    return sorted((out / FOLDER).glob("session-*.json"))


MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
_BINS = 20

Histograms = dict[str, NDArray[np.int64]]


@dataclass
class Totals:
    """What the shards of a run hold. ``histograms``: by binary task, counts of scores in 20 equal bins of 0 to 1.

    ``by_modality`` has the same of each task by what was judged, of shards that tell it.
    ``found``: pictures that rows name otherwise than their files are called, by what they were found by.
    """

    n_rows: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    text: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    histograms: Histograms = field(default_factory=dict)
    by_modality: dict[str, Histograms] = field(default_factory=dict)
    shards: list[dict[str, Any]] = field(default_factory=list)

    @property
    def n_unread(self) -> int:
        """Items with a verdict whose words nobody could read."""
        return self.text.total() - self.text["ok"]

    def add(self, shard: Path) -> None:
        """Count the rows of one shard."""
        # Shards of older versions have no image_found and no judged_as.
        wanted = {"decision", "error", "text", "scores", "image_found", "judged_as"}
        names = wanted.intersection(pq.read_schema(shard).names)
        table = pq.read_table(shard, columns=sorted(names))
        self.n_rows += table.num_rows
        self.decisions.update(_counts(table["decision"]))
        self.errors.update(_counts(pc.struct_field(table["error"], "code")))
        self.text.update(_counts(pc.struct_field(table["text"], "status")))
        if "image_found" in names:
            self.found.update(_counts(pc.struct_field(table["image_found"], "by")))
        for task in table.schema.field("scores").type:
            if str(task.type) == "double":
                self._bin(task.name, table)
        self.shards.append(
            {"file": shard.name, "rows": table.num_rows, "bytes": shard.stat().st_size, "sha256": file_digest(shard)}
        )

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Totals":
        """Those that a manifest holds."""
        counts = manifest["counts"]
        return cls(
            n_rows=counts["rows"],
            decisions=Counter(counts["decisions"]),
            errors=Counter(counts["errors"]),
            text=Counter(counts["text"]),
            found=Counter(counts.get("found", {})),
            histograms=_read(manifest["histograms"]),
            by_modality={task: _read(bins) for task, bins in manifest.get("histograms_by_modality", {}).items()},
            shards=manifest["shards"],
        )

    def _bin(self, task: str, table: pa.Table) -> None:
        scores = pc.struct_field(table["scores"], task)
        _count(self.histograms, task, scores)
        if "judged_as" in table.column_names:
            own = self.by_modality.setdefault(task, {})
            for modality in pc.unique(table["judged_as"].drop_null()).to_pylist():
                _count(own, modality, scores.filter(pc.equal(table["judged_as"], modality)))


def _count(histograms: Histograms, name: str, scores: pa.ChunkedArray) -> None:
    counts, _ = np.histogram(scores.drop_null().to_numpy(), bins=_BINS, range=(0, 1))
    histograms[name] = histograms.get(name, np.zeros(_BINS, dtype=np.int64)) + counts


def _read(bins: Mapping[str, list[int]]) -> Histograms:
    return {name: np.array(counts, dtype=np.int64) for name, counts in bins.items()}


def _written(histograms: Histograms) -> dict[str, list[int]]:
    return {name: counts.tolist() for name, counts in histograms.items()}


def shard_path(out: Path, number: int) -> Path:
    """Where the answers of a partition go."""
    return out / partition_name(number)


def n_rows_done(out: Path, number: int) -> int:
    """Rows of a partition's shard, which answers for just its items; 0 when it is not there, or was damaged since."""
    try:
        ids = read_ids(shard_path(out, number))
        return len(ids) if ids == read_ids(partition_path(out, number)) else 0
    except (OSError, ValueError):
        return 0


def count_totals(out: Path, plan: Plan) -> Totals:
    """What all the shards of a run hold, one in memory at a time."""
    totals = Totals()
    for number in range(plan.n_partitions):
        totals.add(shard_path(out, number))
    if totals.n_rows != plan.n_items:
        raise BatchError(f"{out} holds {totals.n_rows} rows for {plan.n_items} items: run the same command again")
    return totals


def write_manifest(out: Path, plan: Plan, totals: Totals, timings: dict[str, Any]) -> dict[str, Any]:
    """Write what the run was and what came of it."""
    document: dict[str, Any] = {
        "format_version": 1,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": {
            "address": without_secrets(plan.input),
            "sha256": plan.input_digest,
            "columns": plan.columns,
            "n_items": plan.n_items,
            "n_passed_over": plan.n_passed_over,
        },
        "judges": plan.identity.model_dump(),
        "known": plan.known.model_dump(mode="json"),
        "counts": {
            "rows": totals.n_rows,
            "decisions": dict(sorted(totals.decisions.items())),
            "errors": dict(sorted(totals.errors.items())),
            "text": dict(sorted(totals.text.items())),
            "found": dict(sorted(totals.found.items())),
        },
        "histograms": _written(totals.histograms),
        "histograms_by_modality": {task: _written(found) for task, found in totals.by_modality.items()},
        "timings": timings,
        "shards": totals.shards,
    }
    write_atomically(out / MANIFEST, json.dumps(document, indent=1).encode())
    return document


def mark_success(out: Path) -> None:
    """Say that the run is whole; nothing is written after it, and what only a run that goes on needs is removed."""
    if not is_finished(out):
        write_atomically(out / SUCCESS, b"")
    remove_partitions(out)


def is_finished(out: Path) -> bool:
    """Whether the run is whole."""
    return (out / SUCCESS).exists()


def finished_totals(out: Path) -> Totals:
    """Those of a finished run; raises ``BatchError`` when a shard is not as long as it was."""
    totals = recorded_totals(out)
    for shard in totals.shards:
        path = out / shard["file"]
        if not path.exists() or path.stat().st_size != shard["bytes"]:
            raise BatchError(
                f"{out} was finished, but {shard['file']} is gone or not as it was written: bring it back, or score "
                "the input into another --out"
            )
    return totals


def recorded_totals(out: Path) -> Totals:
    """Those that the manifest of a finished run holds; raises ``BatchError`` when it is gone or damaged."""
    try:
        return Totals.of(json.loads((out / MANIFEST).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BatchError(f"{out} was finished, but its {MANIFEST} is gone or damaged: give another --out") from error


def _counts(column: Any) -> dict[str, int]:
    return {str(row["values"]): row["counts"] for row in pc.value_counts(column.drop_null()).to_pylist()}
