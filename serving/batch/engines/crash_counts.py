"""Counts of the workers that each row of a partition has ended: on disk, since the driver may be ended too."""

import json
from pathlib import Path

from model.atomic import write_atomically

#: The weight of a crash, counted against the row that the worker was at. SIGKILL may come from outside: an operator, or
#: a system that is short of memory for reasons of its own.
_BY_ITSELF, _KILLED = 2, 1
#: A row is left out after three crashes of the first kind, or six of the second.
_LIMIT = 6


class CrashCounts:
    """Those of one partition. An innocent row gets its score in the end, since it does not end every worker."""

    def __init__(self, partition: Path) -> None:
        self._path = partition.with_suffix(".strikes.json")
        self._by_row: dict[int, int] = {}
        if self._path.exists():
            self._by_row = {int(row): count for row, count in json.loads(self._path.read_bytes()).items()}

    @property
    def any(self) -> bool:
        """Whether a worker ended in this partition."""
        return bool(self._by_row)

    @property
    def poisoned(self) -> frozenset[int]:
        """Rows that are left out."""
        return frozenset(row for row, count in self._by_row.items() if count >= _LIMIT)

    def add(self, rows: range, *, by_itself: bool) -> None:
        """A worker ended in these rows. Of several, each is suspected once; a row alone is counted every time."""
        weight = _BY_ITSELF if by_itself else _KILLED
        for row in rows:
            before = self._by_row.get(row, 0)
            self._by_row[row] = before + weight if len(rows) == 1 else max(before, weight)
        write_atomically(self._path, json.dumps(self._by_row).encode())

    def clear(self) -> None:
        """The partition is done."""
        self._path.unlink(missing_ok=True)
