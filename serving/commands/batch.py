"""``memeguard batch``: judge a file or folder of memes, one row each; ``memeguard batch verify`` proves it."""

import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from model.bundle import COMPACT_BUNDLE
from serving.batch.run import BatchOptions, run_batch
from serving.batch.show import bar, print_totals
from serving.batch.source import Columns
from serving.batch.verify import verify as verify_run
from serving.commands.options import bundle_option, ocr_option, provider_option


class _RunByDefault(click.Group):
    """``batch INPUT`` runs; ``batch verify DIR`` is a command of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault)
def batch() -> None:
    """Judge many memes: `memeguard batch INPUT --out DIR`. Killed at any moment, the same command goes on.

    INPUT is a Parquet, JSON Lines or CSV file, a folder or a glob, by path or address. `memeguard batch run --help`
    lists the options, `memeguard batch verify DIR` proves that every item has one row.
    """


@batch.command()
@click.argument("input", metavar="INPUT")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for shards and manifest.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--ray-address", help="A running Ray cluster; default: a Ray of our own in this machine.")
@click.option("--workers", type=click.IntRange(1), help="Processes, each with a model; default: one a core.")
@click.option("--threads", type=click.IntRange(1), help="Cores of each worker; default: the machine's, divided.")
@bundle_option
@ocr_option
@provider_option
@click.option("--id-column", default="id", show_default=True)
@click.option("--image-column", default="image", show_default=True, help="Holds a path, an address or bytes.")
@click.option("--text-column", default="text", show_default=True)
@click.option("--tags-column", default="tags", show_default=True)
@click.option(
    "--allow-protocol", "protocols", multiple=True, help="How pictures may be read beside as the input is: https, s3."
)
@click.option("--unit-rows", type=click.IntRange(1), default=256, show_default=True, help="Rows of a shard.")
@click.option("--item-timeout", "item_timeout_s", type=float, default=120.0, show_default=True, help="Seconds.")
@click.option(
    "--sample-review", type=click.IntRange(1), help="Write so many items, uncertain and at random, to be labelled."
)
def run(input: str, out: Path, workers: int | None, threads: int | None, **given: Any) -> None:
    """Judge every item of INPUT, one row each."""
    cores = len(os.sched_getaffinity(0))
    n_workers = workers or cores
    columns = Columns(*(given.pop(f"{name}_column") for name in ("id", "image", "text", "tags")))
    given["protocols"] = frozenset(given["protocols"])
    given["bundle"] = given["bundle"] or COMPACT_BUNDLE
    options = BatchOptions(
        input=input,
        out=out,
        workers=n_workers,
        threads=threads or max(1, cores // n_workers),
        columns=columns,
        **{name: value for name, value in given.items() if value is not None},
    )
    console = Console(stderr=True)
    with bar(console) as progress:
        plan, totals = run_batch(options, progress)
    print_totals(Console(), plan, totals)


@batch.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
def verify(folder: Path) -> None:
    """Prove that DIR holds exactly one row for every item of its input; ends with 1 when it does not."""
    proof = verify_run(folder)
    click.echo(f"{proof.n_items} items, {proof.n_rows} rows")
    for problem in proof.problems:
        click.echo(f"not proven: {problem}", err=True)
    if not proof.holds:
        raise click.exceptions.Exit(1)
    click.echo("every item has exactly one row, and no shard was changed")
