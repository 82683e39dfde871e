"""Command ``memeguard ledger``: look after what the service keeps of its decisions."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa

from serving.ledger.database import Database
from serving.ledger.errors import LedgerError
from serving.ledger.export import ROWS_FILE, WITHOUT_CONTENT, export_feedback
from serving.ledger.queries import delete_decisions
from serving.ledger.retention import purge as purge_decisions
from serving.ledger.tables import memory as memory_table
from serving.settings import from_env, to_env

url_option = click.option(
    "--url", help="Database; default: MEMEGUARD_LEDGER_URL, which keeps a password out of the list of processes."
)


def _age(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    """``30d`` as a length of time."""
    days = re.fullmatch(r"(\d{1,5})d", value)
    if days is None:
        raise click.BadParameter(f"{value!r} is no age; give days, such as 30d")
    return timedelta(days=int(days[1]))


@click.group()
def ledger() -> None:
    """Look after what the service keeps of its decisions."""


@ledger.command()
@url_option
def upgrade(url: str | None) -> None:
    """Create the ledger, or bring it up to date. A server does so too when it starts."""
    with opened_ledger(url, create=True) as database:
        click.echo(f"up to date: {database.name}")


@ledger.command()
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option("--since", type=click.DateTime(), help="Only decisions that got feedback since then (UTC).")
@url_option
def export(folder: Path, since: datetime | None, url: str | None) -> None:
    """Write feedback as training rows that `memeguard data check` and `memeguard train` read as they are."""
    moment = None if since is None else since.replace(tzinfo=UTC)
    with opened_ledger(url) as database:
        counts = export_feedback(database, folder, moment)
    click.echo(f"{counts.trainable} rows to train on{f': {folder / ROWS_FILE}' if counts.trainable else ''}")
    if counts.without_content:
        click.echo(
            f"{counts.without_content} rows without words and picture, to be joined by content_digest: "
            f"{folder / WITHOUT_CONTENT / ROWS_FILE}. The service keeps content with MEMEGUARD_LEDGER_STORE_TEXT=true "
            "and MEMEGUARD_LEDGER_STORE_PICTURES=true"
        )


@ledger.command()
@click.option("--older-than", "age", required=True, callback=_age, metavar="DAYSd", help="Age in days, such as 30d.")
@url_option
def purge(age: timedelta, url: str | None) -> None:
    """Delete old decisions, with all that was kept or made of them."""
    with opened_ledger(url) as database:
        click.echo(f"{purge_decisions(database, datetime.now(UTC) - age)} decisions deleted")


@ledger.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@url_option
def delete(ids: tuple[str, ...], url: str | None) -> None:
    """Delete decisions by id, with all that was kept or made of them. Ends with 1 when one was not there."""
    with opened_ledger(url) as database:
        there = []
        for decision_id in ids:
            with database.deleting() as connection:
                there.append(delete_decisions(connection, [decision_id]) == 1)
    click.echo(f"{sum(there)} decisions deleted")
    missing = [decision_id for decision_id, found in zip(ids, there, strict=True) if not found]
    if missing:
        raise LedgerError(f"no such decision: {', '.join(missing)}")


@contextmanager
def opened_ledger(url: str | None, *, create: bool = False) -> Iterator[Database]:
    """The ledger that the flag or the environment names, up to date."""
    address = from_env(os.environ | to_env({"ledger_url": url})).ledger_database
    if address is None:
        raise LedgerError("the ledger is switched off (MEMEGUARD_LEDGER_URL=none); name one with --url")
    database = Database(address)
    if not create and not database.exists():
        raise LedgerError(f"there is no ledger {database.name}; a server that has decided something makes one")
    try:
        database.prepare()
        yield database
    finally:
        database.close()


@contextmanager
def asked_ledger(*, banks: bool, memory: bool | None) -> Iterator[Database | None]:
    """The ledger in which a server of this environment would ask ``banks`` and ``memory``; None: neither is wanted.

    For ``memory`` that is asked where there is any (None), it is None where the ledger is switched off, was never made,
    or is older than memory. Then it is not brought up to date: an older server may be at work.
    """
    address = from_env(os.environ | to_env({})).ledger_database
    if banks or memory:
        if address is None:
            raise LedgerError("the ledger is switched off (MEMEGUARD_LEDGER_URL=none): it has the banks and the memory")
        with opened_ledger(None) as database:
            yield database
        return
    if address is None or memory is False:
        yield None
        return
    database = Database(address)
    try:
        yield database if _has_memory(database) else None
    finally:
        database.close()


def _has_memory(database: Database) -> bool:
    try:
        if not database.exists():
            return False
        with database.reading() as connection:
            return sa.inspect(connection).has_table(memory_table.name)
    except (LedgerError, OSError) as error:
        raise LedgerError(f"{error}; --no-memory judges without what is remembered there") from error
