"""Making of an index: a run of ``serving/batch`` scores the memes, then its shards are taken in, one after the other.

Killed at any moment, the same call goes on: the run where it stopped, the index after the last shard that it holds.
"""

import importlib.metadata
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from model.atomic import lock_file
from model.bundle import Bundle, open_bundle
from model.projections.description import can_describe
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.files import without_secrets
from serving.batch.output.manifest import shard_path
from serving.batch.plan import Plan
from serving.batch.run import BatchOptions, ProgressCallbacks, find_or_make_plan, run_batch, worker_spec
from serving.index.arrays import HAS_IMAGE, HAS_MEME, HAS_PDQ, HAS_TEXT, Arrays, create_arrays
from serving.index.database import IndexDatabase
from serving.index.errors import MemeIndexError
from serving.index.manifest import (
    SCORING,
    SETTINGS,
    IndexManifest,
    IndexSettings,
    read_manifest,
    read_settings,
    write_manifest,
    write_settings,
)
from serving.index.shard_rows import IndexRows

_LOCK = "_lock"


@dataclass(frozen=True)
class IndexOptions:
    """One ``memeguard index``. ``batch`` says what is read and by what it is scored; its ``out`` is the index."""

    batch: BatchOptions
    words: bool = True
    thumbnails: bool = False

    @property
    def settings(self) -> IndexSettings:
        """What is kept."""
        return IndexSettings(words=self.words, thumbnails=self.thumbnails)

    @property
    def scoring(self) -> BatchOptions:
        """The run that scores the memes."""
        rows = IndexRows(words=self.words, thumbnails=self.thumbnails)
        return replace(self.batch, out=self.batch.out / SCORING, shard_format=rows, sample_review=0)


def build_index(options: IndexOptions, callbacks: ProgressCallbacks) -> IndexManifest:
    """Make an index, or go on with one; a finished one of the same input, bundle and settings is left as it is.

    Raises ``BatchError`` for an input or bundle that does not fit, ``MemeIndexError`` for a folder of something else.
    """
    out, scoring = options.batch.out, options.scoring
    if out.parts and out.parts[0].endswith(":"):  # s3://bucket, as a path
        raise MemeIndexError(f"--out {out} is an address: an index is written into a folder of this machine")
    with _locked(out):
        _check_settings(out, options.settings)
        done = read_manifest(out)
        if done is not None:
            source = BatchInput(scoring.input, scoring.columns)
            plan = find_or_make_plan(scoring, source, worker_spec(scoring, source).identity)
        else:
            plan, _ = run_batch(scoring, callbacks)
            done = _take_in(out, plan, open_bundle(scoring.bundle), options)
            write_manifest(out, done)
        for number in range(plan.n_partitions):
            shard_path(scoring.out, number).unlink(missing_ok=True)
        return done


def _take_in(out: Path, plan: Plan, bundle: Bundle, options: IndexOptions) -> IndexManifest:
    """Take the shards in that were not yet, and say what the index holds."""
    image_width, text_width = bundle.manifest.image_tower.embed_width, bundle.manifest.head.text_width
    arrays = create_arrays(out, plan.n_items, image_width, text_width)
    with closing(IndexDatabase(out, create=True)) as database:
        for number in range(database.n_shards, plan.n_partitions):
            _take_shard(number, shard_path(options.scoring.out, number), arrays, database)
        if (n_rows := database.n_rows) != plan.n_items:
            raise MemeIndexError(f"{out} holds {n_rows} rows for {plan.n_items} items: make the index anew")
        n_memes = database.n_memes
    identity = plan.identity
    return IndexManifest(
        version=importlib.metadata.version("memeguard"),
        settings=options.settings,
        input=without_secrets(plan.input),
        columns=plan.columns,
        model_name=identity.model_name,
        model_version=identity.model_version,
        model_digest=identity.model_digest,
        engine=str(identity.engines),
        ocr=identity.ocr,
        tasks=[task.name for task in bundle.tasks],
        n_rows=plan.n_items,
        n_memes=n_memes,
        image_width=image_width,
        text_width=text_width,
        shared_space=can_describe(bundle),
    )


def _take_shard(number: int, shard: Path, arrays: Arrays, database: IndexDatabase) -> None:
    """Arrays first: rows in the database say that those are written."""
    rows = list(enumerate(pq.read_table(shard).to_pylist(), start=database.n_rows))
    for place, row in rows:
        _write_row(arrays, place, row)
    arrays.flush()
    database.add_shard(number, rows)


def _write_row(arrays: Arrays, place: int, row: dict[str, Any]) -> None:
    flags = 0 if row["error"] is not None else HAS_MEME
    for array, name, flag in ((arrays.image, "image_features", HAS_IMAGE), (arrays.text, "text_features", HAS_TEXT)):
        if array is not None and row[name] is not None:
            array[place] = np.frombuffer(row[name], dtype="<f2")
            flags |= flag
    if row["pdq"] is not None:
        arrays.pdq[place] = np.frombuffer(row["pdq"], dtype=np.uint8)
        flags |= HAS_PDQ
    arrays.flags[place] = flags


def _check_settings(out: Path, settings: IndexSettings) -> None:
    found = read_settings(out)
    if found is None:
        write_settings(out, settings)
        return
    if found != settings:
        kept = [f"with{'' if getattr(found, name) else 'out'} {name}" for name in ("words", "thumbnails")]
        raise MemeIndexError(f"{out} was begun {' and '.join(kept)}: ask for the same, or give another --out")


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One at a time in a folder that is an index, or empty."""
    in_use = MemeIndexError(f"another process makes {out}: wait for it, or give another --out")
    with ExitStack() as held:
        try:
            if out.is_dir() and not (out / SETTINGS).exists():
                others = sorted(path.name for path in out.iterdir() if path.name != _LOCK and ".tmp" not in path.name)
                if others:
                    raise MemeIndexError(
                        f"{out} is no index and holds {others[0]!r}; give an --out that is empty or new"
                    )
            out.mkdir(parents=True, exist_ok=True)
            held.enter_context(lock_file(out / _LOCK, in_use=in_use))
        except OSError as error:
            raise MemeIndexError(f"--out {out} cannot be written: {error.strerror}") from error
        yield
