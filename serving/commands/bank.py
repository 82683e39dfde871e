"""Command ``memeguard bank``: named lists of known memes, in the ledger's database, which servers follow."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import click
import sqlalchemy as sa

from model.atomic import open_atomically
from model.known.matching import BankAction
from serving.commands.bank_memes import add, match, moment_of, said_options
from serving.commands.bank_tables import print_banks, print_entries, print_past
from serving.commands.ledger import opened_ledger, url_option
from serving.commands.options import json_option
from serving.known.bank import ACTIONS, Bank, BankError, checked_moment
from serving.known.bank_export import EXPORT_FORMATS, ExportFormat, exported_lines
from serving.known.bank_files import Format
from serving.known.bank_import import import_entries
from serving.known.bank_retro import RetroCounts, past_matches
from serving.known.bank_store import (
    create_bank,
    delete_bank,
    entry_rows,
    release,
    remove_entries,
    summaries,
)

_bank = click.argument("bank", metavar="BANK")


@click.group()
def bank() -> None:
    """Keep lists of known memes, which policies name: a server looks for them in the same call."""


@bank.command()
@click.argument("name", metavar="NAME")
@click.option("--action", required=True, type=click.Choice(ACTIONS), help="What is done about a meme that is in it.")
@said_options
@click.option(
    "--max-matches-per-hour", type=click.IntRange(1), help="An entry with more is quarantined; default: 1000."
)
@click.option("--picture-distance", type=click.IntRange(0, 256), help="Bits of PDQ that may differ.")
@click.option("--words-distance", type=click.FloatRange(0, 1), help="How far words may be apart, 0 to 1.")
@url_option
def create(name: str, action: BankAction, expires_at: str | None, url: str | None, **given: Any) -> None:
    """Make an empty bank. benign: what scores ask for is not done about such a meme."""
    with opened_ledger(url, create=True) as database, database.writing() as connection:
        create_bank(connection, Bank(name, action, expires_at=moment_of(expires_at), **given))
    click.echo(f"bank {name}: {action}")


@bank.command("list")
@click.argument("bank", metavar="[BANK]", required=False)
@json_option
@url_option
def list_(bank: str | None, as_json: bool, url: str | None) -> None:
    """Show the banks, or the entries of one. An entry in quarantine matched too often, and does not block."""
    with opened_ledger(url) as database, database.reading() as connection:
        if as_json:
            rows = (
                _bank_objects(connection)
                if bank is None
                else map(json.loads, exported_lines(connection, bank, "jsonl"))
            )
            for row in rows:
                click.echo(json.dumps(row, ensure_ascii=False))
        elif bank is None:
            print_banks(summaries(connection))
        else:
            print_entries(entry_rows(connection, bank))


def _bank_objects(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    for one in summaries(connection):
        expires_at = one.bank.expires_at
        yield vars(one.bank) | {
            "created_at": one.created_at.isoformat(),
            "expires_at": None if expires_at is None else expires_at.isoformat(),
            "entries": one.entries,
            "quarantined": one.quarantined,
        }


@bank.command()
@_bank
@click.argument("entries", nargs=-1, metavar="[ENTRY]...")
@click.option("--all", "whole", is_flag=True, help="The bank with all that is in it.")
@url_option
def remove(bank: str, entries: tuple[str, ...], whole: bool, url: str | None) -> None:
    """Take entries out of a bank, or remove it. Ends with 1 when an entry was not there."""
    if whole == bool(entries):
        raise click.UsageError("give ENTRY, or --all to remove the bank")
    with opened_ledger(url) as database, database.deleting() as connection:
        if whole:
            delete_bank(connection, bank)
            click.echo(f"bank {bank} removed")
            return
        there = remove_entries(connection, bank, entries)
    click.echo(f"{len(there)} entries removed")
    _complain(entries, there)


@bank.command("release")
@_bank
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY...")
@url_option
def release_(bank: str, entries: tuple[str, ...], url: str | None) -> None:
    """Let entries in quarantine decide again. Ends with 1 when one was not in quarantine."""
    with opened_ledger(url) as database, database.writing() as connection:
        there = release(connection, bank, entries)
    click.echo(f"{len(there)} entries released")
    _complain(entries, there)


def _complain(asked: Iterable[str], there: Iterable[str]) -> None:
    missing = [entry for entry in asked if entry not in set(there)]
    if missing:
        raise BankError(f"no such entry: {', '.join(missing)}")


@bank.command("import")
@_bank
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--format", "format_", type=click.Choice(get_args(Format)), help="Default: what FILE's name says.")
@url_option
def import_(bank: str, file: Path, format_: Format | None, url: str | None) -> None:
    """Put the hashes of FILE into a bank: JSON Lines or CSV, as HMA, ThreatExchange and `bank export` write them.

    A row that is refused is named, and then nothing is imported. Interrupted, the same command goes on.
    """
    with opened_ledger(url) as database, ExitStack() as shown:

        def begin(n_entries: int) -> Callable[[int], None]:
            bar = click.progressbar(length=n_entries, file=sys.stderr, label="importing")
            return shown.enter_context(bar).update

        found = import_entries(database, bank, file, format_, begin)
    click.echo(f"{found.added} entries added, {found.already_there} were there already")
    if found.other_signals:
        click.echo(f"{found.other_signals} signals of other types than PDQ left out")


@bank.command()
@_bank
@click.option("--out", type=click.Path(path_type=Path), help="File to write; default: what is printed.")
@click.option("--format", "format_", type=click.Choice(EXPORT_FORMATS), default="jsonl", show_default=True)
@url_option
def export(bank: str, out: Path | None, format_: ExportFormat, url: str | None) -> None:
    """Write the entries of a bank: all as JSON Lines; those with PDQ as CSV, or as ThreatExchange's rows."""
    with opened_ledger(url) as database, database.reading() as connection:
        lines = exported_lines(connection, bank, format_)
        if out is None:
            for line in lines:
                click.echo(line, nl=False)
            return
        with open_atomically(out) as file:
            n_lines = sum(file.write(line.encode()) > 0 for line in lines)
    click.echo(f"{n_lines} lines: {out}")


@bank.command()
@_bank
@click.option("--entry", "entries", multiple=True, metavar="ENTRY", help="Only this entry; may be repeated.")
@click.option("--since", type=click.DateTime(), help="Only decisions made since then (UTC).")
@json_option
@url_option
def retro(bank: str, entries: tuple[str, ...], since: datetime | None, as_json: bool, url: str | None) -> None:
    """Tell which past decisions a bank would have caught, from the hashes that the ledger kept of them."""
    counts = RetroCounts()
    moment = None if since is None else checked_moment(since.isoformat())
    with opened_ledger(url) as database:
        found = past_matches(database, bank, counts, since=moment, only=entries or None)
        if as_json:
            for one in found:
                row = vars(one) | {"created_at": one.created_at.isoformat(), "match": one.match.to_dict()}
                click.echo(json.dumps(row, ensure_ascii=False))
        else:
            print_past(found)
    click.echo(f"{counts.matches} of {counts.decisions} decisions are in the bank", err=as_json)
    if counts.without_fingerprint:
        click.echo(
            f"{counts.without_fingerprint} decisions have no hash but that of the file, so that altered copies among "
            "them are not found; the service keeps hashes with MEMEGUARD_LEDGER_STORE_FINGERPRINTS=true",
            err=as_json,
        )


bank.add_command(add)
bank.add_command(match)
