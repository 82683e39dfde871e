"""The sessions of a run: it may take several, and a killed one has no end."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.atomic import write_atomically
from serving.batch.plan import FOLDER


@contextmanager
def noted_session(out: Path, **facts: Any) -> Iterator[None]:
    """Keep when a session began and, if it lives to tell, how long it took; ``facts`` are kept beside."""
    number = len(_files(out)) + 1
    path = out / FOLDER / f"session-{number:06}.json"
    session: dict[str, Any] = {"began_at": datetime.now(UTC).isoformat(timespec="seconds"), **facts, "seconds": None}
    started = time.monotonic()
    write_atomically(path, json.dumps(session).encode())
    yield
    session["seconds"] = round(time.monotonic() - started, 3)
    write_atomically(path, json.dumps(session).encode())


def timings(out: Path) -> dict[str, Any]:
    """All sessions, and the seconds of those that were not killed."""
    sessions = [json.loads(path.read_bytes()) for path in _files(out)]
    return {"seconds": round(sum(one["seconds"] or 0 for one in sessions), 3), "sessions": sessions}


def _files(out: Path) -> list[Path]:
    return sorted((out / FOLDER).glob("session-*.json"))
