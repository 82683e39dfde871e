"""Snapshot of what a run asks beside the network: the banks that its policy names, and the memory.

It is taken once, when the run is planned, into Parquet files beside the plan: every row is asked the same, in whatever
session and on whatever machine, and workers need no ledger. They read it when they start. It goes when the run is done.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, TypeAdapter

from model import Policy, Scorer
from model.atomic import file_digest
from model.known.features import MemeFeatures, from_half_bytes, to_half_bytes
from model.known.memory import Memory, RememberedMeme
from serving.batch.errors import BatchError
from serving.batch.partition_files import write_table
from serving.known.bank import Bank
from serving.known.bank_follower import missing_warning
from serving.known.bank_index import BankIndex
from serving.known.bank_store import PAGE, Changes, change_number, entries_since, summaries
from serving.known.memory.follower import fitted, votes_told
from serving.known.memory.store import memory_number, stored_memes
from serving.ledger.database import Database

_BANKS_FILE, _MEMORY_FILE = "known-banks.parquet", "known-memory.parquet"
_BANKS_KEY = b"memeguard.banks"
_BANKS = TypeAdapter(tuple[Bank, ...])
#: Moments are seconds since 1970.
_ENTRIES = pa.schema(
    [
        ("bank", pa.string()),
        ("entry_id", pa.string()),
        ("sha256", pa.string()),
        ("pdq", pa.binary()),
        ("pdq_quality", pa.int32()),
        ("words_key", pa.string()),
        ("expires_at", pa.float64()),
        ("quarantined_at", pa.float64()),
    ]
)
_MOMENTS = ("expires_at", "quarantined_at")
_MEMES = pa.schema(
    [
        ("labels", pa.map_(pa.string(), pa.bool_())),
        ("weight", pa.float64()),
        ("image", pa.binary()),
        ("text", pa.binary()),
    ]
)


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BanksSnapshot(_Frozen):
    """``number``: the ledger's count of changes that were in it. ``missing``: banks that were not there."""

    number: int
    digest: str
    n_entries: int
    missing: tuple[str, ...] = ()


class MemorySnapshot(_Frozen):
    """``n_memes`` vote; ``n_asleep`` do not, for want of features of the bundle."""

    number: int
    digest: str
    n_memes: int
    n_asleep: int = 0


class KnownSnapshot(_Frozen):
    """What a run asks. ``banks`` is None where the policy names none, ``memory`` where none votes."""

    taken_at: datetime | None = None
    banks: BanksSnapshot | None = None
    memory: MemorySnapshot | None = None


def take_snapshot(
    database: Database | None, folder: Path, policy: Policy | None, model_digest: str, memory: bool | None
) -> KnownSnapshot:
    """Write what is to be asked into ``folder``. ``memory`` None: it votes where something is remembered.

    Raises ``BatchError`` where there is no ledger to ask, ``LedgerError`` for one that cannot be read.
    """
    names = [] if policy is None else [rule.name for rule in policy.banks]
    if database is None:
        if names or memory:
            raise BatchError("there is no ledger, in which banks and memory would be; name one by MEMEGUARD_LEDGER_URL")
        return KnownSnapshot()
    with database.reading_one_moment() as connection:
        banks = _take_banks(connection, folder, names) if names else None
        votes = None if memory is False else _take_memory(connection, folder, model_digest, even_none=memory is True)
    taken_at = None if banks is None and votes is None else datetime.now(UTC).replace(microsecond=0)
    return KnownSnapshot(taken_at=taken_at, banks=banks, memory=votes)


def remove_snapshot(folder: Path) -> None:
    """Remove the files: hashes and features of memes that may be forgotten elsewhere."""
    for name in (_BANKS_FILE, _MEMORY_FILE):
        (folder / name).unlink(missing_ok=True)


def told(known: KnownSnapshot, *, resumed: bool) -> Iterator[str]:
    """What an operator should know of it."""
    if known.taken_at is None:
        return
    if resumed:
        yield f"goes on with the banks and the memory that it began with, as they were at {known.taken_at:%F %T} UTC"
    if known.banks is not None:
        yield f"banks: {known.banks.n_entries:,} entries are asked"
        yield from (f"Warning: {missing_warning(name)}" for name in known.banks.missing)
    if known.memory is not None:
        yield from votes_told(known.memory.n_memes, known.memory.n_asleep)


@dataclass(frozen=True)
class KnownFiles:
    """A snapshot in its folder, as a worker gets it."""

    folder: Path = field(default_factory=Path)
    snapshot: KnownSnapshot = field(default_factory=KnownSnapshot)

    def asked_by(self, scorer: Scorer) -> Scorer:
        """The scorer with what it asks; raises ``BatchError`` for a file that is not the one that was written."""
        memory, banks = self._memory(scorer), self.banks()
        if banks is None:
            return scorer.asking(None, memory)
        names = [rule.name for rule in scorer.policy.banks]
        return scorer.asking(lambda fingerprint: banks.answer(fingerprint, names), memory)

    def banks(self) -> BankIndex | None:
        """The banks; raises ``BatchError`` as ``asked_by`` does."""
        taken = self.snapshot.banks
        return None if taken is None else _read_banks(self._checked(_BANKS_FILE, taken.digest))

    def _memory(self, scorer: Scorer) -> Memory | None:
        taken = self.snapshot.memory
        return None if taken is None else fitted(_read_memes(self._checked(_MEMORY_FILE, taken.digest)), scorer)

    def _checked(self, name: str, digest: str) -> Path:
        path = self.folder / name
        if not path.exists() or file_digest(path) != digest:
            raise BatchError(f"{path} is gone or not as it was written: bring it back, or begin in another --out")
        return path


def _take_banks(connection: sa.Connection, folder: Path, names: Sequence[str]) -> BanksSnapshot:
    there = {one.bank.name: replace(one.bank, owner=None, note=None) for one in summaries(connection)}
    banks = tuple(there[name] for name in names if name in there)
    pages = entries_since(connection, 0, names)
    batches = [pa.RecordBatch.from_pylist([_entry(row) for row in page], schema=_ENTRIES) for page in pages]
    table = pa.Table.from_batches(batches, schema=_ENTRIES)
    write_table(folder / _BANKS_FILE, table.replace_schema_metadata({_BANKS_KEY: _BANKS.dump_json(banks)}))
    return BanksSnapshot(
        number=change_number(connection),
        digest=file_digest(folder / _BANKS_FILE),
        n_entries=table.num_rows,
        missing=tuple(name for name in names if name not in there),
    )


def _entry(row: sa.RowMapping) -> dict[str, Any]:
    moments = {name: None if row[name] is None else row[name].timestamp() for name in _MOMENTS}
    return {name: row[name] for name in _ENTRIES.names} | moments


def _read_banks(path: Path) -> BankIndex:
    table = pq.read_table(path, memory_map=True)
    banks = _BANKS.validate_json(table.schema.metadata[_BANKS_KEY])
    index = BankIndex()
    index.apply(Changes(0, banks, frozenset(), {}), _pages(table))
    return index


def _pages(table: pa.Table) -> Iterable[Sequence[Any]]:
    """As the ledger gives them."""
    for batch in table.to_batches(max_chunksize=PAGE):
        rows = batch.to_pylist()
        for row in rows:
            row.update(
                {name: None if row[name] is None else datetime.fromtimestamp(row[name], UTC) for name in _MOMENTS}
            )
        yield rows


def _take_memory(
    connection: sa.Connection, folder: Path, model_digest: str, *, even_none: bool
) -> MemorySnapshot | None:
    stored = stored_memes(connection, model_digest)
    if not stored and not even_none:
        return None
    memes = [meme for one in stored if (meme := one.remembered()) is not None]
    write_table(folder / _MEMORY_FILE, pa.Table.from_pylist([_meme(one) for one in memes], schema=_MEMES))
    return MemorySnapshot(
        number=memory_number(connection),
        digest=file_digest(folder / _MEMORY_FILE),
        n_memes=len(memes),
        n_asleep=len(stored) - len(memes),
    )


def _meme(one: RememberedMeme) -> dict[str, Any]:
    image, text = to_half_bytes(one.features.image), to_half_bytes(one.features.text)
    return {"labels": list(one.labels.items()), "weight": one.weight, "image": image, "text": text}


def _read_memes(path: Path) -> list[RememberedMeme]:
    return [
        RememberedMeme(
            MemeFeatures(from_half_bytes(row["image"]), from_half_bytes(row["text"])),
            dict(row["labels"]),
            row["weight"],
        )
        for row in pq.read_table(path).to_pylist()
    ]
