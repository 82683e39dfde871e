"""Whether drift is said where it is, and only there: ``python -m benchmarks.drift --data DATA [--memes 300]``.

Memes of ``religious_memes`` and ``multioff`` are judged by the bundle that ships, with the words that the files give
them, and kept in a ledger of its own as the decisions of three days: two random halves of the first set, then the
second. Prints what ``memeguard drift`` says of the second day against the first, and of the third. ``--decisions N``
fills a fourth and a fifth day with N decisions of random scores each, and measures the command's time and memory.
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from model import Meme, Scorer, Verdict, load
from serving.ledger.database import Database
from serving.ledger.entry import entry_of
from serving.ledger.tables import decisions
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.settings.ledger import LedgerSettings
from training.datasets import LAYOUTS, Sample, Source, load_source

_SETS = (("religious_memes", "hateful_memes"), ("multioff", "multioff"))
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 10_000
#: ``memeguard``, with the most memory that it held; getrusage would count that of who started it.
_COMMAND = """
import atexit, pathlib
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(*(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))))
from serving.cli import main
main()
"""


def samples_of(data: Path, folder: str, layout: str, n: int) -> list[Sample]:
    """``n`` memes of a set, the same at every run."""
    root = data / folder
    splits = LAYOUTS[layout].splits(root)
    found = [
        sample
        for split in splits
        for sample in load_source(Source(path=root, split=split, layout=layout)).samples
        if sample.image is not None
    ]
    return random.Random(0).sample(found, n)


def judged(scorer: Scorer, samples: Sequence[Sample]) -> Iterator[Verdict]:
    """Verdicts of those that can be opened."""
    memes = (Meme.from_file(sample.image, text=sample.text) for sample in samples if sample.image is not None)
    yield from (verdict for verdict in scorer.score(memes) if isinstance(verdict, Verdict))


def rows_of(verdicts: Sequence[Verdict], settings: LedgerSettings) -> list[dict[str, Any]]:
    """Rows of the ledger, as a server would write them."""
    context = RequestContext("0" * 32, time.monotonic(), "/v1/classify")
    return [entry_of(verdict, ClassifyInput(b"-"), context, "0" * 64, settings).row for verdict in verdicts]


def keep(database: Database, day: int, rows: Sequence[dict[str, Any]]) -> None:
    """Keep decisions as those of a day."""
    step = timedelta(days=1) / len(rows)
    with database.writing() as connection:
        dated = [row | {"created_at": _FIRST + timedelta(days=day) + step * at} for at, row in enumerate(rows)]
        connection.execute(decisions.insert(), dated)


def fill(database: Database, day: int, like: Sequence[dict[str, Any]], n: int) -> None:
    """``n`` decisions of a day, each like one of ``like`` with another score and id."""
    chance, step = random.Random(day), timedelta(days=1) / n
    made = (
        chance.choice(like)
        | {
            "decision_id": f"{day}-{at}",
            "created_at": _FIRST + timedelta(days=day) + step * at,
            "scores": {"hateful": chance.betavariate(1, 4)},
        }
        for at in range(n)
    )
    while rows := list(itertools.islice(made, _AT_ONCE)):
        with database.writing() as connection:
            connection.execute(decisions.insert(), rows)


def drift(url: str, day: int, against: int) -> None:
    """Run the command as a user does, and print what it takes."""
    moments = [f"{_FIRST + timedelta(days=at):%Y-%m-%d}" for at in (day, day + 1, against, against + 1)]
    windows = ["--from", moments[0], "--to", moments[1], "--against", *moments[2:]]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", _COMMAND, "drift", "--ledger", url, *windows], check=True)
    print(f"{time.perf_counter() - started:.1f} s", flush=True)


def main() -> None:
    """Judge, keep, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--memes", type=int, default=300, help="of each day")
    parser.add_argument("--decisions", type=int, default=0)
    parser.add_argument("--url", help="an empty ledger; default: a new one in SQLite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{folder}/ledger.db"
        settings = LedgerSettings.model_validate({"ledger_url": url})
        database = Database(sa.make_url(url))
        database.prepare()
        scorer = load(ocr="none")
        n = arguments.memes
        one, other = (samples_of(arguments.data, *of, count) for of, count in zip(_SETS, (2 * n, n), strict=True))
        days = [rows_of(list(judged(scorer, part)), settings) for part in (one[:n], one[n:], other)]
        for day, rows in enumerate(days):
            keep(database, day, rows)
        print("\n## Two random halves of one set\n", flush=True)
        drift(url, 1, against=0)
        print("\n## Another set\n", flush=True)
        drift(url, 2, against=0)
        if arguments.decisions:
            print(f"\n## {arguments.decisions:,} decisions a day\n", flush=True)
            for day in (3, 4):
                fill(database, day, days[0], arguments.decisions)
            drift(url, 4, against=3)
        database.close()


if __name__ == "__main__":
    main()
