"""``memeguard evaluate``: what a bundle is worth on labelled memes, as JSON, Markdown and one HTML file."""

import shlex
import sys
from typing import Any, get_args

import click
from click.core import ParameterSource

from model.bundle import COMPACT_BUNDLE
from training.commands.options import data_options, disk_errors, path_type, setup_options, train_extra
from training.evaluation.groups import ResampleBy
from training.evaluation.options import WordsFrom

#: Options that a functional test knows.
_OF_FUNCTIONS = ("bundle", "out", "engine", "threads", "cache")


@click.command()
@click.argument("bundle", type=path_type, default=COMPACT_BUNDLE, required=False)
@data_options("test", required=False)
@click.option(
    "--functions",
    is_flag=True,
    help="In place of --data: a functional test of memes drawn by code; writes functions.json, functions.md and "
    "functions.html.",
)
@click.option("--tasks", help="Only these tasks of the bundle, separated by commas.")
@click.option(
    "--as-task",
    multiple=True,
    metavar="TASK=LABELS",
    help="Measure a yes/no task on another task's labels, where you hold the two for the same: hateful=offensive.",
)
@click.option(
    "--compare", type=path_type, multiple=True, help="Another bundle, on the same memes, by paired bootstrap."
)
@click.option(
    "--bundle-text-only", type=path_type, multiple=True, help="The same, of a bundle that is shown no pictures."
)
@click.option("--out", type=path_type, help="Folder of the report; default: evaluation-NAME-VERSION.")
@click.option("--thumbnails", is_flag=True, help="Show pictures of mistakes in the HTML, blurred until clicked.")
@click.option("--show-texts", is_flag=True, help="Show the words of mistakes in the HTML; they may hold slurs.")
@click.option(
    "--resample-by",
    type=click.Choice(get_args(ResampleBy)),
    default="item",
    show_default=True,
    help="What a resample draws whole: items, or all items with the same words or the same picture.",
)
@setup_options(get_args(WordsFrom), resamples=1000, min_resamples=0)
@disk_errors()
def evaluate(**options: Any) -> None:
    """Measure BUNDLE (default: the one that ships) on labelled memes, with the code that serves it.

    Writes report.json, report.md and report.html into --out. Pictures and rows that cannot be read are counted and left
    out. Ends with 0 when the report was written, 1 when something stood in its way, 2 for options that do not fit.
    """
    command = shlex.join(["memeguard", *sys.argv[1:]])
    if options.pop("functions"):
        _check_of_functions(click.get_current_context())
        with train_extra():
            from training.commands.evaluate_functions import run_functions  # noqa: PLC0415

        return run_functions(**{name: options[name] for name in _OF_FUNCTIONS}, command=command)
    if not options["data"]:
        raise click.UsageError("Missing option '--data': name labelled memes, or say --functions")
    with train_extra():
        from training.commands.evaluate_run import EvaluateOptions, run  # noqa: PLC0415

    return run(EvaluateOptions(**options), command)


def _check_of_functions(context: click.Context) -> None:
    """Raises ``UsageError`` for an option that says something of labelled memes."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in (*_OF_FUNCTIONS, "functions"):
            raise click.UsageError(f"{parameter.opts[0]} says nothing of --functions, which has memes of its own")
