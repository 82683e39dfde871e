"""Files of known memes: JSON Lines and CSV, as ``memeguard bank export`` and the tools around PDQ write them.

JSON Lines: an object a line, with ``pdq`` (or ``signals: {pdq}``, as HMA answers; or ``signal_type`` and
``signal_str``; or ``type: HASH_PDQ`` and ``indicator``, as ThreatExchange has it), ``sha256``, ``words_key``,
``pdq_quality`` and what is said of it. CSV: with a header, as ``threatexchange dataset --print-signals --csv`` writes
it (``collab, signal_type, signal_str, category, tags``); or without one, as ThreatExchange's rows of hash, id, time and
tags, or as the hasher of PDQ gives hash, quality and file. Signals of other types than PDQ are counted and left out;
whatever is no hash is refused with its row.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from model.known.fingerprint import Fingerprint
from model.known.words import is_words_key
from serving.known.bank import BankError, NewEntry, checked_hash, checked_moment

Format = Literal["jsonl", "csv"]
_MAX_LINE_BYTES = 1 << 16
#: Names of the column or member that holds the PDQ hash, whatever it is called.
_PDQ_NAMES = ("pdq", "signal_str", "indicator", "hash", "pdq_hash")
_TYPE_NAMES = ("signal_type", "type")
_PDQ_TYPES = ("pdq", "hash_pdq")
_KNOWN_COLUMNS = frozenset((*_PDQ_NAMES, *_TYPE_NAMES, "sha256", "words_key"))


@dataclass
class ReadCounts:
    """What a file held so far."""

    entries: int = 0
    other_signals: int = 0


def read_entries(path: Path, counts: ReadCounts, format: Format | None = None) -> Iterator[NewEntry]:
    """Entries of a file, row by row; raises ``BankError`` with the number of a row that holds none."""
    try:
        with path.open("rb") as file:
            lines = _lines(file, path)
            rows = _json_rows(lines) if (format or _format_of(path)) == "jsonl" else _csv_rows(lines, path)
            for number, row in rows:
                entry = _located(path, number, row)
                if entry is None:
                    counts.other_signals += 1
                else:
                    counts.entries += 1
                    yield entry
    except OSError as error:
        raise BankError(f"{path}: cannot be read ({error.strerror}); give a file that is there") from error


def _format_of(path: Path) -> Format:
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return "jsonl"
    if path.suffix.lower() in (".csv", ".txt"):
        return "csv"
    raise BankError(f"{path}: the name does not say what it is; give --format jsonl or csv")


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    """Lines in UTF-8, none of them longer than a row can be."""
    number = 0
    while line := file.readline(_MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > _MAX_LINE_BYTES:
            raise BankError(f"{path}: row {number}: longer than {_MAX_LINE_BYTES} bytes; no row of hashes is")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BankError(f"{path}: row {number}: not UTF-8; save the file as UTF-8") from None


def _located(path: Path, number: int, row: Mapping[str, Any] | str) -> NewEntry | None:
    if isinstance(row, str):
        raise BankError(f"{path}: row {number}: {row}")
    try:
        return _entry(row)
    except BankError as error:
        raise BankError(f"{path}: row {number}: {error}") from error


def _json_rows(lines: Iterator[str]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            yield number, "no JSON object; give one a line"
            continue
        signals = row.get("signals")
        yield number, row | (signals if isinstance(signals, dict) else {})


def _csv_rows(lines: Iterator[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    reader = csv.reader(lines)
    names: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            if names is None:
                names = [cell.strip().lower() for cell in cells]
                if _KNOWN_COLUMNS & set(names):
                    continue
                names = _names_without_header(cells)
            yield reader.line_num, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise BankError(f"{path}: row {reader.line_num}: no CSV ({error})") from error


def _names_without_header(cells: list[str]) -> list[str]:
    """Columns by what the first row holds: the hash may stand in the first or in the second."""
    if len(cells) > 1 and not _is_hash(cells[0]) and _is_hash(cells[1]):
        return ["id", "pdq"]
    if len(cells) > 1 and cells[1].strip().isdecimal() and int(cells[1][:9]) <= 100 and len(cells[1].strip()) <= 3:
        return ["pdq", "pdq_quality", "file"]
    return ["pdq", "id", "time", "tags"]


def _is_hash(cell: str) -> bool:
    try:
        return bool(checked_hash("pdq", cell))
    except BankError:
        return False


def _entry(row: Mapping[str, Any]) -> NewEntry | None:
    """The entry of a row; None for a signal of another type than PDQ."""
    kind = next((_text(row, name) for name in _TYPE_NAMES if row.get(name)), None)
    if kind is not None and kind.strip().lower() not in _PDQ_TYPES:
        return None
    pdq = next((_text(row, name) for name in _PDQ_NAMES if row.get(name)), None)
    sha256, words_key = _text(row, "sha256"), _text(row, "words_key")
    if words_key is not None and not is_words_key(words_key):
        raise BankError("words_key: no key of words; give the 50 hexadecimal digits that `memeguard bank export` wrote")
    fingerprint = Fingerprint(
        checked_hash("sha256", sha256) if sha256 else "",
        bytes.fromhex(checked_hash("pdq", pdq)) if pdq else None,
        _quality(row) if pdq else None,
        words_key,
    )
    expires_at = _text(row, "expires_at")
    return NewEntry(
        fingerprint,
        owner=_text(row, "owner"),
        note=_text(row, "note") or _text(row, "tags"),
        expires_at=checked_moment(expires_at) if expires_at else None,
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)
    if value is not None and not isinstance(value, str):
        raise BankError(f"{name}: not a text")
    return value or None


def _quality(row: Mapping[str, Any]) -> int | None:
    value = next((row[name] for name in ("pdq_quality", "quality") if row.get(name) not in (None, "")), None)
    if value is None:
        return None
    try:
        quality = int(str(value))
    except ValueError:
        quality = -1
    if not 0 <= quality <= 100:
        raise BankError("pdq_quality: not a whole number from 0 to 100")
    return quality
