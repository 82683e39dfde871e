"""Benchmark of a large bank: imported into an SQLite ledger, read by a worker, and asked.

``python -m benchmarks.banks --n 1000000`` prints what import, reading and one answer take of one core (CPU time, which
a busy machine does not change), and the memory that the entries take in a worker.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from sqlalchemy.engine import make_url

from model.known.fingerprint import Fingerprint
from model.known.words import words_key
from serving.known.bank import Bank
from serving.known.bank_import import import_entries
from serving.known.bank_index import BankIndex
from serving.known.bank_store import changes_since, create_bank, entries_since
from serving.ledger.database import Database

_BANK = "large"
_ASKED = 20


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000, help="entries of the bank")
    n_entries = parser.parse_args().n
    hashes = np.random.default_rng(0).bytes(32 * n_entries)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(make_url(f"sqlite:///{folder}/ledger.db"))
        database.prepare()
        took_s = _import(database, Path(folder) / "hashes.csv", hashes)
        print(f"import: {took_s:.1f} s for {n_entries} hashes")
        before = psutil.Process().memory_info().rss
        started = time.process_time()
        index = _read(database)
        memory = psutil.Process().memory_info().rss - before
        print(f"read by a worker: {time.process_time() - started:.1f} s, {memory / 1e6:.0f} MB")
        database.close()
    _ask(index, hashes)


def _import(database: Database, file: Path, hashes: bytes) -> float:
    file.write_text("\n".join(hashes[at : at + 32].hex() for at in range(0, len(hashes), 32)))
    with database.writing() as connection:
        create_bank(connection, Bank(_BANK, "block"))
    started = time.process_time()
    import_entries(database, _BANK, file)
    return time.process_time() - started


def _read(database: Database) -> BankIndex:
    index = BankIndex()
    with database.reading() as connection:
        index.apply(changes_since(connection, 0), entries_since(connection, 0))
    return index


def _ask(index: BankIndex, hashes: bytes) -> None:
    """Of a meme that is in the bank, and of one that is not."""
    key = words_key("some words that are long enough to be compared")
    for name, pdq in (("known", hashes[:32]), ("unknown", bytes(range(32)))):
        taken_ms = []
        for _ in range(_ASKED):
            started = time.process_time()
            found = index.answer(Fingerprint("f" * 64, pdq, 100, key), [_BANK]).matches
            taken_ms.append(1000 * (time.process_time() - started))
        print(f"{name} meme: {statistics.median(taken_ms):.0f} ms, {len(found)} matches")


if __name__ == "__main__":
    main()
