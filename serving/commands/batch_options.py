"""Options of a run of ``serving/batch``, made of what the commands that read an input as it does were given."""

import os
from pathlib import Path

import click

from model.bundle import Bundle
from model.engine import EngineChoice
from model.ocr import EngineName
from model.runtime import engines_for
from serving.batch.input.items import Columns
from serving.batch.run import BatchOptions


def batch_options(
    input: str,
    out: Path,
    bundle: Bundle,
    engine: EngineChoice,
    *,
    workers: int | None,
    threads: int,
    ocr: EngineName | None,
    ocr_languages: str | None,
    id_column: str,
    image_column: str,
    text_column: str,
    tags_column: str,
    protocols: tuple[str, ...],
    partition_rows: int,
    item_timeout_s: float,
) -> BatchOptions:
    """Of ``worker_options``, ``reading_options`` and those of OCR. Says on stderr what engine is not to be had."""
    for warning in engines_for(bundle, engine).warnings:
        click.echo(f"Warning: {warning}", err=True)
    return BatchOptions(
        input=input,
        out=out,
        workers=workers or len(os.sched_getaffinity(0)),
        threads=threads,
        bundle=bundle.path,
        ocr=ocr or "rapidocr",
        ocr_languages=ocr_languages,
        engine=engine,
        columns=Columns(id_column, image_column, text_column, tags_column),
        protocols=frozenset(protocols),
        partition_rows=partition_rows,
        item_timeout_s=item_timeout_s,
    )
