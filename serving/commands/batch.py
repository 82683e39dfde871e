"""Command ``memeguard batch``: judge a file or folder of memes, one row each; ``memeguard batch verify`` proves it."""

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console

from model import open_bundle
from model.bundle import COMPACT_BUNDLE
from model.engine import ENGINE_CHOICES, EngineChoice, Provider, asked_engine
from model.policy.file import chosen_policy
from serving.batch.errors import BatchError
from serving.batch.progress import print_summary, show_progress
from serving.batch.run import Runner, run_batch
from serving.batch.verify import verify as verify_run
from serving.commands.batch_options import batch_options
from serving.commands.ledger import asked_ledger
from serving.commands.options import (
    bundle_option,
    memory_option,
    ocr_languages_option,
    ocr_option,
    provider_option,
    reading_options,
    worker_options,
)

RUNNERS: tuple[Runner, ...] = get_args(Runner)


class _RunOrVerify(click.Command):
    """``batch INPUT`` runs; ``batch verify DIR`` is a command of its own."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """That of ``verify`` when it is asked for; what is called ``verify`` as an input is ``./verify``."""
        if args[:1] == ["verify"]:
            return verify.make_context(f"{info_name} verify", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(
    cls=_RunOrVerify,
    epilog="`memeguard batch verify DIR` proves that every item of the input has exactly one row in DIR.",
)
@click.argument("input", metavar="INPUT")
@click.option("--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Folder for the answers.")
@click.option(
    "--runner", type=click.Choice(RUNNERS), help="Who shares out the work: this machine, or Ray; default: local."
)
@click.option(
    "--engine",
    type=click.Choice([*ENGINE_CHOICES, *RUNNERS]),
    help="What computes the networks; default: auto, for each what is measured to be the fastest on a CPU. local and "
    "ray are the older way to name a --runner.",
)
@click.option(
    "--ray-address",
    help="A running Ray cluster; default: RAY_ADDRESS or, without it, a Ray of our own on this machine.",
)
@worker_options
@click.option("--policy", metavar="FILE[:NAME]", help="Policy that decides; default: the bundle's own.")
@memory_option
@bundle_option
@ocr_option
@ocr_languages_option
@provider_option
@reading_options
@click.option(
    "--sample-review",
    metavar="N",
    type=click.IntRange(1),
    help="Also write N items, half of them uncertain and half at random, into DIR/review, to be labelled for training.",
)
def batch(
    input: str,
    out: Path,
    runner: Runner | None,
    engine: EngineChoice | Runner | None,
    ray_address: str | None,
    policy: str | None,
    memory: bool | None,
    bundle: Path | None,
    provider: Provider | None,
    sample_review: int | None,
    **run: Any,
) -> None:
    """Judge many memes, one row each. Killed at any moment, the same command goes on.

    INPUT is a Parquet, JSON (lines or a list), CSV or TSV file (all but the first also as .gz), a folder or a glob, by
    path or address. DIR gets Parquet shards with the fields of the HTTP answer, errors as rows, manifest.json,
    report.html, _SUCCESS last.

    Banks and memory are asked as they are when the run begins, in the ledger that MEMEGUARD_LEDGER_URL names.
    """
    runner, asked = _told_apart(runner, engine)
    asked = asked_engine(asked, provider)
    _check_ray(runner, ray_address)
    opened = open_bundle(bundle or COMPACT_BUNDLE)
    decided_by = None if policy is None else chosen_policy(policy, opened)
    options = replace(
        batch_options(input, out, opened, asked, **run),
        runner=runner,
        policy=decided_by,
        ray_address=ray_address,
        sample_review=sample_review or 0,
        ledger=partial(asked_ledger, banks=bool(decided_by and decided_by.banks), memory=memory),
        memory=memory,
    )
    with show_progress(Console(stderr=True)) as (callbacks, progress):
        plan, totals = run_batch(options, callbacks)
    print_summary(Console(), out, plan, totals, progress)


def _told_apart(runner: Runner | None, engine: EngineChoice | Runner | None) -> tuple[Runner, EngineChoice]:
    """Runner and engine; ``--engine`` was once the name of the runner."""
    for choice in ENGINE_CHOICES:
        if (engine or "auto") == choice:
            return runner or "local", choice
    older: Runner = "ray" if engine == "ray" else "local"
    if runner not in (None, older):
        raise click.UsageError(f"--engine {older} is the older way to say --runner {older}; say one of them")
    return older, "auto"


def _check_ray(runner: Runner, ray_address: str | None) -> None:
    if runner != "ray" and ray_address is not None:
        raise click.UsageError("--ray-address belongs to --engine ray, or --runner ray")
    if runner == "ray" and find_spec("ray") is None:
        raise BatchError("--runner ray needs the extra 'batch', and ray is not installed: pip install -e '.[batch]'")


@click.command()
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
