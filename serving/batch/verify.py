"""Proof of a run: one row for every id of the input, in shards that are what the manifest says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from model.atomic import file_digest
from serving.batch.errors import BatchError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.id_hashes import positions
from serving.batch.input.items import Columns
from serving.batch.output.manifest import SUCCESS, is_finished, recorded_totals
from serving.batch.partition_files import read_ids
from serving.batch.plan import InputScan, find_plan

_IDS_NAMED = 5


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
    """Hold the shards against the input, read anew from where the plan says.

    Raises ``BatchError`` without a plan, and when the input is not there any more.
    """
    plan = find_plan(out)
    if plan is None:
        raise BatchError(f"{out} holds no batch run")
    source = BatchInput(plan.input, Columns(**plan.columns))
    scan = InputScan()
    for _ in scan.observe(source.items()):
        pass
    problems = [] if scan.digest == plan.input_digest else [f"{plan.input} was changed after the run began"]
    count = _RowCounts(scan)
    problems += _shard_problems(out)
    problems += count.take(out)
    for n_ids, what, ids in (
        (count.n_missing, "items have no row", count.missing(source)),
        (count.n_twice, "items have more than one row", count.twice),
        (count.n_unknown, "rows are of no item of the input", count.unknown),
    ):
        if n_ids:
            problems.append(f"{n_ids} {what}: {_named(ids, n_ids)}")
    return Proof(len(scan.ids), count.n_rows, count.n_missing, count.n_twice, count.n_unknown, tuple(problems))


class _RowCounts:
    """How many rows each item has, in 17 bytes an item; of ids, the first few are kept."""

    def __init__(self, scan: InputScan) -> None:
        self._ordered = scan.ids.sort()
        self._rows = np.zeros(len(self._ordered), dtype=np.uint8)
        self.n_rows = self.n_unknown = 0
        self.unknown: list[str] = []
        self.twice: list[str] = []

    @property
    def n_missing(self) -> int:
        """Items without a row."""
        return len(self._rows) - int(np.count_nonzero(self._rows))

    @property
    def n_twice(self) -> int:
        """Items with several."""
        return int(np.count_nonzero(self._rows > 1))

    def take(self, out: Path) -> Iterator[str]:
        """Count every shard in the folder, whoever put it there; gives those that cannot be read."""
        for path in sorted(out.glob("part-*.parquet")):
            try:
                self._add(read_ids(path))
            except (OSError, ValueError) as error:
                yield f"{path.name} cannot be read ({type(error).__name__})"

    def missing(self, source: BatchInput) -> Iterator[str]:
        """Ids of the items without a row, as the input has them; it is read anew."""
        for item in source.items():
            (position,) = positions(self._ordered, [str(item.id)])
            if position >= 0 and not self._rows[position]:
                yield str(item.id)

    def _add(self, ids: list[str]) -> None:
        self.n_rows += len(ids)
        for id, position in zip(ids, positions(self._ordered, ids).tolist(), strict=True):
            if position < 0:
                self.n_unknown += 1
                _keep_first(self.unknown, id)
                continue
            self._rows[position] = min(2, self._rows[position] + 1)
            if self._rows[position] > 1:
                _keep_first(self.twice, id)


def _keep_first(ids: list[str], id: str) -> None:
    if len(ids) < _IDS_NAMED and id not in ids:
        ids.append(id)


def _named(ids: Iterable[str], n_ids: int) -> str:
    first = list(islice(ids, _IDS_NAMED))
    return ", ".join(map(repr, first)) + (" and others" if n_ids > len(first) else "")


def _shard_problems(out: Path) -> Iterator[str]:
    """Shards that are not what was written, and shards that nobody wrote."""
    if not is_finished(out):
        yield f"the run is not finished (there is no {SUCCESS}): the same command goes on"
        return
    try:
        shards = {shard["file"]: shard["sha256"] for shard in recorded_totals(out).shards}
    except BatchError as error:
        yield str(error)
        return
    for name, digest in shards.items():
        if not (out / name).exists():
            yield f"{name} is gone"
        elif file_digest(out / name) != digest:
            yield f"{name} was changed after the run"
    for path in sorted(out.glob("part-*.parquet")):
        if path.name not in shards:
            yield f"{path.name} is no shard of this run"
