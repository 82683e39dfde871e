"""Command ``memeguard review``: items in and out, golden items, appeals. Reviewers work at /review of a server."""

import getpass
from pathlib import Path
from typing import get_args

import click

from model.atomic import write_atomically
from model.taxonomy import TASKS
from serving.commands.ledger import opened_ledger, url_option
from serving.known.memory.labels import parse_labels
from serving.ledger.review_items import State
from serving.review.appeals import appeal as appeal_decision
from serving.review.audit import Reviewer
from serving.review.errors import ReviewError
from serving.review.exchange.label_studio_in import import_label_studio
from serving.review.exchange.label_studio_out import label_studio_tasks, labelling_config, tasks_file
from serving.review.golden import add_golden, golden_items, remove_golden

_by_option = click.option("--by", metavar="NAME", help="Who does it, for the audit; default: the user of this machine.")
_id = click.argument("decision_id", metavar="ID")


def _reviewer(by: str | None) -> Reviewer:
    return Reviewer(by or getpass.getuser(), is_lead=True)


@click.group()
def review() -> None:
    """Fill the reviewers' queue, keep golden items, reopen decisions."""


@review.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="DIR|FILE")
@_by_option
@url_option
def import_(source: Path, by: str | None, url: str | None) -> None:
    """Take in the sample of a batch run (DIR), or labels from Label Studio (FILE, its JSON export)."""
    reviewer = _reviewer(by)
    if source.is_dir():
        _import_sample(source, reviewer, url)
        return
    with opened_ledger(url) as database, database.writing() as connection:
        counts = import_label_studio(connection, source, reviewer)
    click.echo(
        f"{counts.labelled} labels kept, {counts.known} known already, {counts.golden} of golden items left out, "
        f"{counts.unknown_decisions} tasks of decisions that are not here"
    )


def _import_sample(source: Path, reviewer: Reviewer, url: str | None) -> None:
    try:
        from serving.review.exchange.batch_sample import import_sample  # noqa: PLC0415  pyarrow, of an extra
    except ModuleNotFoundError as error:
        raise ReviewError(
            f"the verdicts of a run are Parquet files, which need the extra 'batch' ({error.name} is missing): "
            "pip install -e '.[batch]'"
        ) from error
    with opened_ledger(url, create=True) as database, database.writing() as connection:
        found = import_sample(connection, source, reviewer)
    click.echo(f"{found.added} items imported, {found.known} known already, {found.labelled} with labels")


@review.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state for state in get_args(State) if state != "golden"]),
    default=("open", "second"),
    show_default=True,
    help="Which items; may be repeated.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=click.Choice(list(TASKS)),
    default=("hateful",),
    show_default=True,
    help="What is asked in the labelling interface; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1), help="Most items, those that wait longest first.")
@url_option
def export(file: Path, states: tuple[State, ...], tasks: tuple[str, ...], limit: int | None, url: str | None) -> None:
    """Write items as Label Studio's JSON, with its labelling interface beside it (FILE.xml)."""
    with opened_ledger(url) as database, database.reading() as connection:
        found = list(label_studio_tasks(connection, states, limit))
    bare = sum(not task["data"]["text"] and not task["data"]["image"] for task in found)
    write_atomically(file, tasks_file(found))
    write_atomically(file.with_suffix(".xml"), labelling_config(tasks).encode())
    click.echo(f"{len(found)} items: {file}, {file.with_suffix('.xml')}")
    if bare:
        click.echo(f"{bare} of them without words and picture: the service keeps neither, unless it is told to")


@review.command()
@_id
@click.option("--reason", help="Why, for who reviews it again.")
@_by_option
@url_option
def appeal(decision_id: str, reason: str | None, by: str | None, url: str | None) -> None:
    """Open a decision for review again, whatever was decided. Who has labelled it before does not get it."""
    with opened_ledger(url) as database, database.writing() as connection:
        appeal_decision(connection, decision_id, _reviewer(by), reason)
    click.echo(f"{decision_id} waits for review")


@review.group()
def golden() -> None:
    """Keep golden items: decisions whose right answer is known, by which reviewers are measured."""


@golden.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--label",
    "labels",
    multiple=True,
    required=True,
    metavar="TASK=CLASS",
    help="The right answer, such as hateful=hateful; may be repeated.",
)
@click.option("--note", help="Why it is right.")
@_by_option
@url_option
def add(ids: tuple[str, ...], labels: tuple[str, ...], note: str | None, by: str | None, url: str | None) -> None:
    """Make decisions golden items with this answer. They leave the queue, and come to each reviewer once."""
    with opened_ledger(url) as database, database.writing() as connection:
        for decision_id in ids:
            add_golden(connection, decision_id, parse_labels(labels), _reviewer(by), note)
    click.echo(f"{len(ids)} golden items added")


@golden.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_by_option
@url_option
def remove(ids: tuple[str, ...], by: str | None, url: str | None) -> None:
    """Let golden items be ordinary ones again, which are decided. Ends with 1 when one was none."""
    with opened_ledger(url) as database, database.writing() as connection:
        gone = {one: remove_golden(connection, one, _reviewer(by)) for one in ids}
    click.echo(f"{sum(gone.values())} golden items removed")
    missing = [one for one in ids if not gone[one]]
    if missing:
        raise ReviewError(f"no golden item: {', '.join(missing)}")


@golden.command("list")
@url_option
def list_(url: str | None) -> None:
    """Show the golden items with their answers."""
    with opened_ledger(url) as database, database.reading() as connection:
        found = golden_items(connection)
    for one in found:
        answers = ", ".join(f"{task}={label}" for task, label in one.labels.items())
        click.echo("  ".join(filter(None, (one.decision_id, answers, one.note))))
