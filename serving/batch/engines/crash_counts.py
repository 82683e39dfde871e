"""Which rows of a unit ended workers, and how often: on disk, since the driver may be ended too."""

import json
from pathlib import Path

from model.atomic import write_atomically

#: What a worker's end counts against the row that it was working on. SIGKILL may come from outside: an operator, or a
#: system that is short of memory for reasons of its own.
_BY_ITSELF, _KILLED = 2, 1
#: A row is left out after three ends of the first kind, or six of the second.
_ENOUGH = 6


class CrashCounts:
    """Those of one unit. A row that is innocent gets its score in the end, since it does not end every worker."""

    def __init__(self, unit: Path) -> None:
        self._path = unit.with_suffix(".strikes.json")
        self._by_row: dict[int, int] = {}
        if self._path.exists():
            self._by_row = {int(row): count for row, count in json.loads(self._path.read_bytes()).items()}

    @property
    def any(self) -> bool:
        """Whether a worker ended in this unit."""
        return bool(self._by_row)

    @property
    def poisoned(self) -> frozenset[int]:
        """Rows that are left out."""
        return frozenset(row for row, count in self._by_row.items() if count >= _ENOUGH)

    def add(self, places: range, *, by_itself: bool) -> None:
        """A worker ended in these rows. Of several, each is suspected once; one alone gets a strike every time."""
        weight = _BY_ITSELF if by_itself else _KILLED
        for place in places:
            before = self._by_row.get(place, 0)
            self._by_row[place] = before + weight if len(places) == 1 else max(before, weight)
        write_atomically(self._path, json.dumps(self._by_row).encode())

    def clear(self) -> None:
        """The unit is done."""
        self._path.unlink(missing_ok=True)
