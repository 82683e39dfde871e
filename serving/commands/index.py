"""Command ``memeguard index``: make an index of memes that can be searched and mapped."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from model import open_bundle
from model.bundle import COMPACT_BUNDLE
from model.engine import EngineChoice
from serving.batch.progress import show_progress
from serving.commands.batch_options import batch_options
from serving.commands.options import (
    bundle_option,
    engine_option,
    ocr_languages_option,
    ocr_option,
    reading_options,
    worker_options,
)
from serving.commands.tables import plain
from serving.index.build import IndexOptions, build_index
from serving.index.manifest import IndexManifest


@click.command()
@click.argument("input", metavar="INPUT")
@click.option("--out", metavar="INDEX", required=True, type=click.Path(path_type=Path), help="Folder of the index.")
@click.option("--words/--no-words", default=True, show_default=True, help="Keep the words that were judged.")
@click.option(
    "--thumbnails/--no-thumbnails", default=False, show_default=True, help="Keep a small picture of each meme."
)
@worker_options
@bundle_option
@ocr_option
@ocr_languages_option
@engine_option
@reading_options
def index(
    input: str,
    out: Path,
    words: bool,
    thumbnails: bool,
    bundle: Path | None,
    engine: EngineChoice | None,
    **run: Any,
) -> None:
    """Make an index of many memes, to search and to map. Killed at any moment, the same command goes on.

    INPUT is all that `memeguard batch` takes. INDEX gets ids, addresses, hashes, features, scores and words; never the
    pictures. It is of one bundle: another cannot go on with it, nor search it.
    """
    batch = batch_options(input, out, open_bundle(bundle or COMPACT_BUNDLE), engine or "auto", **run)
    with show_progress(Console(stderr=True)) as (callbacks, _):
        made = build_index(IndexOptions(batch, words=words, thumbnails=thumbnails), callbacks)
    _print(out, made)


def _print(out: Path, made: IndexManifest) -> None:
    console = Console()
    n_failed = made.n_rows - made.n_memes
    console.print(f"{made.n_memes:,} memes of {made.n_rows:,} items; {n_failed:,} have no verdict", highlight=False)
    described = "" if made.shared_space else "; searching by description needs the bundle of an open_clip model"
    console.print(plain(f"{out}: of {made.model_name} {made.model_version}{described}"), soft_wrap=True)
