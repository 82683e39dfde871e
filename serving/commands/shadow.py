"""Command ``memeguard shadow``: what a policy or a bundle in the shadow of live traffic would have decided."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from model.atomic import write_atomically
from serving.commands.ledger import opened_ledger
from serving.commands.shadow_tables import print_shadows
from serving.review.figures.shadow.page import shadow_page
from serving.review.figures.shadow.report import ShadowReport, shadow_report
from serving.review.figures.shadow.rows import Window

Format = Literal["table", "json", "html"]


@click.group()
def shadow() -> None:
    """Look at what shadows would have decided."""


@shadow.command()
@click.option(
    "--ledger",
    "url",
    help="Database; default: MEMEGUARD_LEDGER_URL, which keeps a password out of the list of processes.",
)
@click.option("--since", type=click.DateTime(), help="Only what was judged since then (UTC).")
@click.option("--until", type=click.DateTime(), help="Only what was judged before then (UTC).")
@click.option("--format", "format_", type=click.Choice(["table", "json", "html"]), default="table", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File to write json or html into; default: print it.")
def report(url: str | None, since: datetime | None, until: datetime | None, format_: Format, out: Path | None) -> None:
    """Show how many decisions would be others, by direction, rule and group, and who is right by reviewers' labels.

    The shadows are named to a server by MEMEGUARD_SHADOW_POLICY and MEMEGUARD_SHADOW_BUNDLE. `memeguard promote
    --shadow-report` reads the JSON.
    """
    if format_ == "table" and out is not None:
        raise click.UsageError("--out needs --format json or html")
    window = Window(*(moment and moment.replace(tzinfo=UTC) for moment in (since, until)))
    with opened_ledger(url) as database, database.reading_one_moment() as connection:
        found = shadow_report(connection, window)
    if format_ == "table":
        print_shadows(found)
    elif out is None:
        click.echo(_document(found, format_))
    else:
        write_atomically(out, _document(found, format_).encode())
        click.echo(f"Report: {out}")


def _document(found: ShadowReport, format_: Format) -> str:
    if format_ == "html":
        return shadow_page(found)
    return json.dumps(found.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
