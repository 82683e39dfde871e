"""Indexes of memes: made in this process, or by a command that is killed at a moment of its own choice."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from serving.batch.run import BatchOptions
from serving.index.arrays import Arrays, open_arrays
from serving.index.build import IndexOptions, build_index
from serving.index.database import IndexDatabase, IndexedMeme
from serving.index.manifest import IndexManifest, read_manifest
from support.batch import SILENT

#: ``memeguard index`` that kills itself before or after the shard of a number is taken in.
_KILLED = """
import os, signal, sys
from serving.cli import main
from serving.index.database import IndexDatabase

number, moment = int(sys.argv.pop(1)), sys.argv.pop(1)
add_shard = IndexDatabase.add_shard

def killed(self, shard, rows):
    if (shard, moment) == (number, "before"):
        os.kill(os.getpid(), signal.SIGKILL)
    add_shard(self, shard, rows)
    if (shard, moment) == (number, "after"):
        os.kill(os.getpid(), signal.SIGKILL)

IndexDatabase.add_shard = killed
main(prog_name="memeguard")
"""


def make_index(
    input: Path | str, out: Path, *, words: bool = True, thumbnails: bool = False, **batch: Any
) -> IndexManifest:
    """An index made by this process, without OCR."""
    chosen: dict[str, Any] = {"input": str(input), "out": out, "ocr": "none", "partition_rows": 16} | batch
    return build_index(IndexOptions(BatchOptions(**chosen), words=words, thumbnails=thumbnails), SILENT)


def killed_at(shard: int, moment: str, *arguments: object, environ: Mapping[str, str] = os.environ) -> int:
    """The exit status of ``memeguard index``, killed at a shard unless it ended before."""
    command = [sys.executable, "-c", _KILLED, str(shard), moment, "index", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=300, check=False, env=dict(environ)).returncode


def memes_of(index: Path) -> list[IndexedMeme]:
    with closing(IndexDatabase(index)) as database:
        return list(database.all())


def failures_of(index: Path) -> dict[str, str]:
    """Codes by id."""
    with closing(IndexDatabase(index)) as database:
        return {id: code for id, code, _ in database.failures()}


def arrays_of(index: Path) -> Arrays:
    manifest = read_manifest(index)
    assert manifest is not None
    return open_arrays(index, manifest.n_rows, manifest.image_width, manifest.text_width)
