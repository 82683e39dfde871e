"""The end of a run: what the shards hold, a manifest, and ``_SUCCESS`` last."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.atomic import write_atomically
from serving.batch.plan import Plan
from serving.batch.units import unit_name

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
_BINS = 20


@dataclass
class Totals:
    """What the shards of a run hold. ``histograms``: by binary task, counts of scores in 20 equal bins of 0 to 1."""

    n_rows: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    text: Counter[str] = field(default_factory=Counter)
    histograms: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    shards: list[dict[str, Any]] = field(default_factory=list)

    def add(self, shard: Path) -> None:
        """Count the rows of one shard."""
        table = pq.read_table(shard, columns=["decision", "error", "text", "scores"])
        self.n_rows += table.num_rows
        self.decisions.update(_counts(table["decision"]))
        self.errors.update(_counts(pc.struct_field(table["error"], "code")))
        self.text.update(_counts(pc.struct_field(table["text"], "status")))
        for task in table.schema.field("scores").type:
            if str(task.type) == "double":
                self._bin(task.name, pc.struct_field(table["scores"], task.name).drop_null().to_numpy())
        digest = hashlib.sha256(shard.read_bytes()).hexdigest()
        self.shards.append({"file": shard.name, "rows": table.num_rows, "sha256": digest})

    def _bin(self, task: str, scores: NDArray[np.float64]) -> None:
        counts, _ = np.histogram(scores, bins=_BINS, range=(0, 1))
        self.histograms[task] = self.histograms.get(task, np.zeros(_BINS, dtype=np.int64)) + counts


def shard_path(out: Path, number: int) -> Path:
    """Where the answers of a unit go."""
    return out / unit_name(number)


def total(out: Path, plan: Plan) -> Totals:
    """What all the shards of a finished run hold, one in memory at a time."""
    totals = Totals()
    for number in range(plan.n_units):
        totals.add(shard_path(out, number))
    return totals


def write_manifest(out: Path, plan: Plan, totals: Totals, timings: dict[str, Any]) -> dict[str, Any]:
    """Write what the run was and what came of it."""
    document: dict[str, Any] = {
        "format_version": 1,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": {
            "address": plan.input,
            "sha256": plan.input_digest,
            "columns": plan.columns,
            "n_items": plan.n_items,
        },
        "judges": plan.judges.model_dump(),
        "counts": {
            "rows": totals.n_rows,
            "decisions": dict(sorted(totals.decisions.items())),
            "errors": dict(sorted(totals.errors.items())),
            "text": dict(sorted(totals.text.items())),
        },
        "timings": timings,
        "shards": totals.shards,
    }
    write_atomically(out / MANIFEST, json.dumps(document, indent=1).encode())
    return document


def mark_success(out: Path) -> None:
    """Say that the run is whole; nothing is written after it."""
    write_atomically(out / SUCCESS, b"")


def read_manifest(out: Path) -> dict[str, Any]:
    """The manifest of a finished run."""
    document: dict[str, Any] = json.loads((out / MANIFEST).read_bytes())
    return document


def _counts(column: Any) -> dict[str, int]:
    return {str(row["values"]): row["counts"] for row in pc.value_counts(column.drop_null()).to_pylist()}
