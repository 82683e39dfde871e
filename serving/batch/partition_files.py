"""Partitions: the input cut into Parquet files of some rows each, with everything that scoring a row takes.

A partition is what is done at once and done again when it was cut off. It stands on its own: a worker on another
machine reads it and nothing else of the input but the pictures that it names.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from model.atomic import open_atomically
from serving.batch.input.items import Item

# File names and JSON may hold halves of characters, which a column of text cannot.
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        ("place", pa.binary()),
        ("address", pa.large_binary()),
        ("bytes", pa.large_binary()),
        ("text", pa.binary()),
        ("tags", pa.list_(pa.binary())),
        ("folder", pa.binary()),
    ]
)


def partition_name(number: int) -> str:
    """File name of a partition, and of the output shard that it becomes."""
    return f"part-{number:06}.parquet"


def write_partition(path: Path, items: Sequence[Item]) -> None:
    """Write one partition, whole or not at all."""
    rows = [
        {
            "id": item.id,
            "place": _packed(item.location),
            "address": _packed(item.image) if isinstance(item.image, str) else None,
            "bytes": item.image if isinstance(item.image, bytes) else None,
            "text": None if item.text is None else _packed(item.text),
            "tags": [_packed(tag) for tag in item.tags],
            "folder": None if item.folder is None else _packed(item.folder),
        }
        for item in items
    ]
    write_table(path, pa.Table.from_pylist(rows, schema=_SCHEMA))


def read_partition(path: Path) -> list[Item]:
    """The items of one partition, in order."""
    return [
        Item(
            location=_unpacked(row["place"]),
            id=row["id"],
            image=_unpacked(row["address"]) if row["bytes"] is None and row["address"] else row["bytes"],
            text=None if row["text"] is None else _unpacked(row["text"]),
            tags=tuple(map(_unpacked, row["tags"])),
            folder=None if row.get("folder") is None else _unpacked(row["folder"]),  # not in those of older versions
        )
        for row in pq.read_table(path, memory_map=True).to_pylist()
    ]


def read_ids(path: Path) -> list[str]:
    """The ids of a partition or a shard, in order; raises OSError or ValueError for a file that is not whole."""
    ids: list[str] = pq.read_table(path, columns=["id"])["id"].to_pylist()
    return ids


def write_table(path: Path, table: pa.Table) -> None:
    """A Parquet file that is whole or not there."""
    with open_atomically(path) as file:
        pq.write_table(table, file, compression="zstd")


def _packed(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _unpacked(packed: bytes) -> str:
    return packed.decode("utf-8", "surrogatepass")
