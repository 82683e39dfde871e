"""Journal of a stress test: what was asked and answered, one JSON line each, so that a killed run goes on.

It holds digests and answers and no words of a meme.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.atomic import lock_file, write_atomically
from training.errors import RunError
from training.stress.targets.base import Answer

_CONFIG, _ANSWERS, _LOCK = "config.json", "answers.jsonl", ".lock"
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Record:
    """What came of one seed under one relation and strength; the plain seed is a relation of its own.

    ``item`` is the digest of what was asked; None: nothing was, since the relation does not apply to this seed or
    nothing proves that its meaning was kept. ``flagged`` None: it was not judged, as ``problem`` says. A problem that
    is not ``final`` may pass: the same command asks again.
    """

    seed: str
    hateful: bool
    relation: str
    strength: str
    item: str | None = None
    proof: str | None = None
    flagged: bool | None = None
    score: float | None = None
    problem: str | None = None
    final: bool = True

    @property
    def key(self) -> Key:
        """What no two records share."""
        return self.seed, self.relation, self.strength

    @property
    def is_error(self) -> bool:
        """Judged otherwise than its label says."""
        return self.flagged is not None and self.flagged != self.hateful


class JsonLines:
    """A file of JSON objects, one a line, that is appended to; a line that a kill cut off is dropped at the opening."""

    def __init__(self, path: Path) -> None:
        whole = path.read_bytes() if path.exists() else b""
        kept = whole[: whole.rfind(b"\n") + 1]
        if len(kept) < len(whole):
            write_atomically(path, kept)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in kept.splitlines()]
        self._file = path.open("ab")

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row through to the system, so that only this machine's own fall loses it."""
        self._file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        self.rows.append(dict(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Journal:
    """The records of one run by their keys, and the answers by what was asked. ``n_calls`` were sent so far."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines
        self.records: dict[Key, Record] = {}
        self.answers: dict[str, Answer] = {}
        self.n_calls = 0
        for row in lines.rows:
            self.n_calls = max(self.n_calls, row["calls"])
            if held := {name: value for name, value in row.items() if name != "calls"}:
                self._hold(Record(**held))

    def add(self, record: Record, n_calls: int) -> None:
        """Keep a record; ``n_calls`` were sent to the target until now."""
        self.n_calls = n_calls
        self._lines.append({**asdict(record), "calls": n_calls})
        self._hold(record)

    def count(self, n_calls: int) -> None:
        """Keep how many calls were sent, those of an item without a record included: they are of the budget too."""
        if n_calls > self.n_calls:
            self.n_calls = n_calls
            self._lines.append({"calls": n_calls})

    def settled(self, key: Key) -> Record | None:
        """The record of a key, unless there is none or its problem may pass."""
        record = self.records.get(key)
        return record if record is not None and record.final else None

    def _hold(self, record: Record) -> None:
        self.records[record.key] = record
        if record.item is not None and record.flagged is not None:
            self.answers[record.item] = Answer(record.flagged, record.score)


@contextmanager
def opened_journal(folder: Path, config: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal in ``folder``, made where there is none, held alone.

    Raises ``RunError`` when another process holds it, or when it is of another ``config`` (plain values): answers of
    two would be mixed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    in_use = RunError(f"{folder} is in use by another process; wait, or name another --out")
    with lock_file(folder / _LOCK, in_use=in_use):
        _check_config(folder, json.loads(json.dumps(config)))
        lines = JsonLines(folder / _ANSWERS)
        try:
            yield Journal(lines)
        finally:
            lines.close()


def _check_config(folder: Path, config: Mapping[str, Any]) -> None:
    path = folder / _CONFIG
    if not path.exists():
        if any(one.name not in (_LOCK,) for one in folder.iterdir()):
            raise RunError(f"{folder} holds something else than a stress test; name a new folder as --out")
        write_atomically(path, json.dumps(config, indent=1).encode())
        return
    held = json.loads(path.read_text(encoding="utf-8"))
    differing = sorted(key for key in {*held, *config} if held.get(key) != config.get(key))
    if differing:
        raise RunError(
            f"{folder} holds a stress test with another {', '.join(differing)}; give the same command to go on with "
            "it, or name a new folder as --out"
        )
