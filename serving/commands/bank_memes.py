"""Commands ``memeguard bank add`` and ``memeguard bank match``: memes into a bank, and memes held against banks."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import click

from model import MemeError
from model.known.fingerprint import Fingerprint
from model.known.words import is_words_key
from model.ocr import OcrEngine, make_engine
from serving.commands.bank_tables import print_matches
from serving.commands.ledger import opened_ledger, url_option
from serving.commands.options import json_option, ocr_languages_option, ocr_option
from serving.commands.tables import plain
from serving.known.bank import BankError, NewEntry, checked_hash, checked_moment
from serving.known.bank_pictures import digest_of_file, fingerprint_of_file, fingerprint_of_words
from serving.known.bank_retro import load_banks
from serving.known.bank_store import (
    add_entry,
    entry_of_decision,
    entry_with_file,
    summaries,
)
from serving.ledger.database import Database

_SAID = (
    click.option("--owner", help="Who answers for it."),
    click.option("--note", help="Why it is there, on one line."),
    click.option("--expires", "expires_at", metavar="DATE", help="Until when it counts, such as 2027-01-31 (UTC)."),
)


def said_options(command: Any) -> Any:
    """Options of what is said of a bank or an entry."""
    for option in reversed(_SAID):
        command = option(command)
    return command


def moment_of(text: str | None) -> datetime | None:
    """What ``--expires`` says; raises ``BankError``."""
    return None if text is None else checked_moment(text)


@click.command()
@click.argument("bank", metavar="BANK")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--text", help="The words on the picture (one FILE), or words that stand alone (no FILE).")
@click.option("--decision", "decisions", multiple=True, metavar="ID", help="A past decision; may be repeated.")
@click.option("--pdq", multiple=True, metavar="HASH", help="PDQ of a picture, 64 hexadecimal digits; may be repeated.")
@click.option("--sha256", multiple=True, metavar="HASH", help="Digest of a picture file; may be repeated.")
@click.option("--words-key", multiple=True, metavar="KEY", help="Key of words, as an export has it; may be repeated.")
@said_options
@ocr_option
@ocr_languages_option
@url_option
def add(
    bank: str,
    files: tuple[Path, ...],
    text: str | None,
    decisions: tuple[str, ...],
    owner: str | None,
    note: str | None,
    expires_at: str | None,
    ocr: str | None,
    ocr_languages: str | None,
    url: str | None,
    **hashes: tuple[str, ...],
) -> None:
    """Put memes into a bank: picture files, past decisions, or hashes alone. Words that are not given are read.

    A file that is in the bank already is not read again. Ends with 1 when one was no picture; the others are added.
    """
    if text is not None and len(files) > 1:
        raise click.UsageError("--text belongs to one picture; give one FILE, or leave --text out")
    if not (files or text is not None or decisions or any(hashes.values())):
        raise click.UsageError("nothing to add; give FILE, --text, --decision, --pdq, --sha256 or --words-key")
    said = (owner, note, moment_of(expires_at))
    found = list(_of_hashes(**hashes))
    if text is not None and not files:
        found.append(fingerprint_of_words(text))
    with opened_ledger(url) as database:
        with database.writing() as connection:
            summaries(connection, bank)
            entries = [NewEntry(one, *said) for one in found]
            entries += [entry_of_decision(connection, decision, *said) for decision in decisions]
            for entry in entries:
                _tell_added(*add_entry(connection, bank, entry))
        reading = (ocr, ocr_languages)
        n_bad = sum(not _add_file(database, bank, one, text, reading, said) for one in _with_progress(files))
    sys.exit(1 if n_bad else 0)


def _add_file(
    database: Database,
    bank: str,
    file: Path,
    text: str | None,
    reading: tuple[str | None, str | None],
    said: tuple[str | None, str | None, datetime | None],
) -> bool:
    """Whether the file is a picture, which is now in the bank."""
    try:
        with database.reading() as connection:
            there = None if text is not None else entry_with_file(connection, bank, digest_of_file(file))
        if there is not None:
            _tell_added(there, False)
            return True
        entry = NewEntry(fingerprint_of_file(file, text, _reader(*reading)), *said)
    except MemeError as error:
        click.echo(f"{plain(str(file)).plain}: {error}", err=True)
        return False
    with database.writing() as connection:
        _tell_added(*add_entry(connection, bank, entry))
    return True


def _tell_added(entry_id: str, is_new: bool) -> None:
    click.echo(entry_id if is_new else f"{entry_id} (is there already)")


@lru_cache(maxsize=1)
def _reader(ocr: str | None, languages: str | None) -> OcrEngine:
    return make_engine(ocr or "rapidocr", languages=languages)


def _with_progress(files: Sequence[Path]) -> Iterator[Path]:
    """``files``, with a bar on a terminal where there are several."""
    if len(files) < 2:
        yield from files
        return
    with click.progressbar(files, file=sys.stderr, label="reading") as shown:
        yield from shown


def _of_hashes(pdq: Iterable[str], sha256: Iterable[str], words_key: Iterable[str]) -> Iterator[Fingerprint]:
    for one in pdq:
        yield Fingerprint("", bytes.fromhex(checked_hash("--pdq", one)))
    for one in sha256:
        yield Fingerprint(checked_hash("--sha256", one))
    for one in words_key:
        if not is_words_key(one):
            raise BankError(
                "--words-key: no key of words; give 50 hexadecimal digits, as `memeguard bank export` has it"
            )
        yield Fingerprint("", words_key=one)


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--text", help="The words on the picture (one FILE), or words that stand alone (no FILE).")
@click.option("--bank", "names", multiple=True, metavar="BANK", help="Only this bank; may be repeated.")
@ocr_option
@ocr_languages_option
@json_option
@url_option
def match(
    files: tuple[Path, ...],
    text: str | None,
    names: tuple[str, ...],
    ocr: str | None,
    ocr_languages: str | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Say which entries of the banks memes are, how, and how far from them. Nothing is judged or kept.

    Ends with 1 when a file was no picture.
    """
    if text is not None and len(files) > 1:
        raise click.UsageError("--text belongs to one picture; give one FILE, or leave --text out")
    if not files and text is None:
        raise click.UsageError("nothing to look for; give FILE or --text")
    with opened_ledger(url) as database, database.reading() as connection:
        index = load_banks(connection, names or [one.bank.name for one in summaries(connection)])
    failed: list[Path] = []
    answers = (
        (name, index.answer(one, index.names).matches)
        for name, one in _asked(files, text, (ocr, ocr_languages), failed)
    )
    if as_json:
        for name, matches in answers:
            click.echo(json.dumps({"file": name, "matches": [one.to_dict() for one in matches]}))
    else:
        print_matches(answers)
    sys.exit(1 if failed else 0)


def _asked(
    files: Sequence[Path], text: str | None, reading: tuple[str | None, str | None], failed: list[Path]
) -> Iterator[tuple[str, Fingerprint]]:
    """Fingerprints by name, one after the other; a file that is no picture is told, and put into ``failed``."""
    if not files:
        yield "(words)", fingerprint_of_words(text or "")
    for file in _with_progress(files):
        try:
            yield str(file), fingerprint_of_file(file, text, _reader(*reading))
        except MemeError as error:
            click.echo(f"{plain(str(file)).plain}: {error}", err=True)
            failed.append(file)
