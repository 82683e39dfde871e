"""``memeguard stress``: how a moderator breaks, as JSON, Markdown and one HTML file, and the cases that broke it."""

import shlex
import sys
from typing import Any

import click

from training.commands.options import disk_errors, layout_option, path_type, train_extra


@click.command()
@click.argument("target")
@click.option(
    "--seeds",
    required=True,
    metavar="PATH[:SPLIT]",
    help="Labelled sentences, hateful and harmless: a table with text and label, or a set that training reads.",
)
@layout_option
@click.option(
    "--relations", default="all", show_default=True, help="Names and families of relations, separated by commas."
)
@click.option("--out", type=path_type, required=True, help="Folder of the report, the journal and the found cases.")
@click.option("--scenes", type=path_type, help="Folder of harmless pictures to draw on; default: drawn by code.")
@click.option("--limit", type=click.IntRange(1), help="That many seeds of either label, drawn by --seed.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides what is left to chance.")
@click.option("--max-calls", type=click.IntRange(1), help="Budget of calls to a server; tries count, and earlier runs.")
@click.option("--per-second", type=click.FloatRange(0, min_open=True), help="Most calls to a server in a second.")
@click.option(
    "--fail-over",
    type=click.FloatRange(0, 1),
    help="End with 1 when the lower end of the interval of a relation's rate, or of the overall rate, is over this.",
)
@click.option("--examples", is_flag=True, help="Put some found cases into the HTML, blurred until clicked.")
@disk_errors()
def stress(**options: Any) -> None:
    """Change labelled sentences in form, not in meaning, and count what TARGET then judges wrongly.

    TARGET is a bundle's folder, http(s)://HOST of a Memeguard server, openai:http(s)://HOST of an endpoint in OpenAI's
    shape, or a YAML file that describes any other HTTP moderator. Ask only servers that are yours to test. Killed at
    any point, the same command goes on and asks nothing twice. Ends with 0 when all was asked, 1 when something stood
    in its way or --fail-over is met, 2 for options that do not fit.
    """
    with train_extra():
        from training.commands.stress_run import StressOptions, run  # noqa: PLC0415

    run(StressOptions(**options), shlex.join(["memeguard", *sys.argv[1:]]))
