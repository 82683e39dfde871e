"""The proof of a run: one row for every id of the input, in shards that are what the manifest says."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from serving.batch.errors import BatchError
from serving.batch.finish import SUCCESS, read_manifest, shard_path
from serving.batch.plan import Plan, find_plan, hash_id, sorted_hashes
from serving.batch.source import Columns, Source


@dataclass(frozen=True)
class Proof:
    """What was found. ``problems`` is empty when nothing is lost, nothing is there twice and nothing was changed."""

    n_items: int
    n_rows: int
    n_missing: int
    n_twice: int
    n_unknown: int
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when the output is proven."""
        return not self.problems


def verify(out: Path) -> Proof:
    """Hold the shards against the input, read anew from where the plan says; raises ``BatchError`` without a plan."""
    plan = find_plan(out)
    if plan is None:
        raise BatchError(f"{out} holds no batch run")
    source = Source(plan.input, Columns(**plan.columns))
    asked = _hashes(item.id or "" for item in source.items())
    answered = _hashes(_ids(out, plan))
    unique, counts = np.unique(answered, return_counts=True)
    missing = len(np.setdiff1d(asked, unique))
    twice, unknown = int((counts > 1).sum()), len(np.setdiff1d(unique, asked))
    problems = [
        *_changed(out),
        *([] if (out / SUCCESS).exists() else ["the run is not finished: the same command goes on"]),
        *([f"{missing} items have no row"] if missing else []),
        *([f"{twice} items have more than one row"] if twice else []),
        *([f"{unknown} rows are of no item of the input"] if unknown else []),
    ]
    return Proof(len(asked), len(answered), missing, twice, unknown, tuple(problems))


def _hashes(ids: Iterator[str]) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    packed = bytearray()
    for id in ids:
        packed += hash_id(id)
    return sorted_hashes(packed)


def _ids(out: Path, plan: Plan) -> Iterator[str]:
    for number in range(plan.n_units):
        path = shard_path(out, number)
        if path.exists():
            yield from pq.read_table(path, columns=["id"])["id"].to_pylist()


def _changed(out: Path) -> list[str]:
    """Shards that are not what was written."""
    if not (out / SUCCESS).exists():
        return []
    problems = []
    for shard in read_manifest(out)["shards"]:
        path = out / shard["file"]
        if not path.exists():
            problems.append(f"{shard['file']} is gone")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != shard["sha256"]:
            problems.append(f"{shard['file']} was changed after the run")
    return problems
