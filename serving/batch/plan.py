"""What a run is: its input cut into units, its model, its policy. Made before anything is scored, kept in the output.

The same command finds the plan of an earlier one and goes on; a plan of something else is refused. A plan is made in a
folder of its own that gets its name at the end, so that a killed planner leaves nothing that looks like a plan.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from model.atomic import write_atomically
from serving.batch.errors import BatchError
from serving.batch.source import Item, Source
from serving.batch.units import read_unit, unit_name, write_unit

_FOLDER = "_plan"
_FILE = "plan.json"
_UNFINISHED = "_plan.unfinished"
#: Pictures that come as bytes are copied into units; a unit is closed when it holds this much.
_UNIT_BYTES = 64 * 1024 * 1024
_IDS_NAMED = 5
HASH_BYTES = 16


class Judges(BaseModel):
    """What decides the rows: another bundle, policy or OCR engine gives other rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_name: str
    model_version: str
    model_digest: str
    policy_name: str
    policy_version: str
    policy_digest: str
    ocr: str


class Plan(BaseModel):
    """One run. ``input_digest`` is over the rows, ``input_stamp`` over the files' names and versions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = 1
    input: str
    input_stamp: str
    input_digest: str
    columns: dict[str, str]
    n_items: int
    n_units: int
    judges: Judges


@dataclass
class _Scan:
    """What is learnt of the input while it is cut."""

    rows: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    #: 16 bytes each, one after the other: the only thing that grows with the input.
    ids: bytearray = field(default_factory=bytearray)

    def saw(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if item.id is None:
                raise BatchError(f"{item.place} has no id; every row needs one, by which its answer is found")
            self.ids += hash_id(item.id)
            image = hashlib.sha256(item.image).digest() if isinstance(item.image, bytes) else item.image
            self.rows.update(repr((item.id, image, item.text, item.tags)).encode("utf-8", "backslashreplace"))
            yield item


def find_plan(out: Path) -> Plan | None:
    """The plan that an output folder holds."""
    path = out / _FOLDER / _FILE
    return Plan.model_validate_json(path.read_bytes()) if path.exists() else None


def make_plan(source: Source, out: Path, judges: Judges, unit_rows: int) -> Plan:
    """Cut the input into units; raises ``BatchError`` for one that cannot be scored as a whole."""
    unfinished = out / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    scan = _Scan()
    n_units = 0
    for n_units, items in enumerate(_cut(scan.saw(source.items()), unit_rows), start=1):
        write_unit(unfinished / unit_name(n_units - 1), items)
    if not scan.ids:
        raise BatchError(f"{source.address} holds no items: there is nothing to do")
    _check_unique(scan.ids, unfinished, n_units)
    plan = Plan(
        input=source.address,
        input_stamp=source.stamp(),
        input_digest=scan.rows.hexdigest(),
        columns=vars(source.columns),
        n_items=len(scan.ids) // HASH_BYTES,
        n_units=n_units,
        judges=judges,
    )
    write_atomically(unfinished / _FILE, plan.model_dump_json(indent=1).encode())
    unfinished.rename(out / _FOLDER)
    return plan


def input_digest(source: Source) -> str:
    """Digest over the rows of an input, as a plan holds it."""
    scan = _Scan()
    for _ in scan.saw(source.items()):
        scan.ids.clear()
    return scan.rows.hexdigest()


def unit_path(out: Path, number: int) -> Path:
    """Where a unit of the plan lies."""
    return out / _FOLDER / unit_name(number)


def hash_id(id: str) -> bytes:
    """128 bits of an id: among ten million, two would meet once in 10^24 runs."""
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def sorted_hashes(hashes: bytes | bytearray) -> NDArray[np.void]:
    """Hashes that lie one after the other, as a sorted array."""
    return np.sort(np.frombuffer(hashes, dtype=[("high", ">u8"), ("low", ">u8")]), order=["high", "low"])


def _cut(items: Iterable[Item], unit_rows: int) -> Iterator[list[Item]]:
    unit: list[Item] = []
    n_bytes = 0
    for item in items:
        unit.append(item)
        n_bytes += len(item.image) if isinstance(item.image, bytes) else 0
        if len(unit) >= unit_rows or n_bytes >= _UNIT_BYTES:
            yield unit
            unit, n_bytes = [], 0
    if unit:
        yield unit


def _check_unique(hashes: bytearray, folder: Path, n_units: int) -> None:
    ordered = sorted_hashes(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return
    wanted = {value.tobytes() for value in islice(twice, _IDS_NAMED)}
    places: dict[str, list[str]] = {}
    for number in range(n_units):
        for item in read_unit(folder / unit_name(number)):
            if item.id is not None and hash_id(item.id) in wanted:
                places.setdefault(item.id, []).append(item.place)
    named = "; ".join(f"{id!r} at {', '.join(where[:3])}" for id, where in places.items())
    raise BatchError(
        f"{len(twice)} rows have an id that another row has: {named}. Every id must be there once: give another "
        "--id-column, or leave out the rows that were sent twice"
    )
