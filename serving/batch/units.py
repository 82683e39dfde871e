"""Units of work: the input cut into Parquet files of some rows each, with everything that scoring a row takes.

A unit is what is done at once and done again when it was cut off. It stands on its own: a worker on another machine
reads it and nothing else of the input but the pictures that it names.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from model.atomic import open_atomically
from serving.batch.source import Item

_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        ("place", pa.string()),
        ("address", pa.string()),
        ("bytes", pa.large_binary()),
        ("text", pa.string()),
        ("tags", pa.list_(pa.string())),
    ]
)


def unit_name(number: int) -> str:
    """File name of a unit, and of the output shard that it becomes."""
    return f"part-{number:06}.parquet"


def write_unit(path: Path, items: Sequence[Item]) -> None:
    """Write one unit, whole or not at all."""
    rows = [
        {
            "id": item.id,
            "place": item.place,
            "address": item.image if isinstance(item.image, str) else None,
            "bytes": item.image if isinstance(item.image, bytes) else None,
            "text": item.text,
            "tags": list(item.tags),
        }
        for item in items
    ]
    write_table(path, pa.Table.from_pylist(rows, schema=_SCHEMA))


def read_unit(path: Path) -> list[Item]:
    """The items of one unit, in order."""
    return [
        Item(row["place"], row["id"], row["bytes"] or row["address"], row["text"], tuple(row["tags"]))
        for row in pq.read_table(path, memory_map=True).to_pylist()
    ]


def write_table(path: Path, table: pa.Table) -> None:
    """A Parquet file that is whole or not there."""
    with open_atomically(path) as file:
        pq.write_table(table, file, compression="zstd")
