"""Export of a bank's entries, for ``memeguard bank import`` and for the tools around PDQ."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import sqlalchemy as sa

from serving.known.bank import Bank
from serving.known.bank_store import entry_rows, key_of, summaries

ExportFormat = Literal["jsonl", "csv", "threatexchange"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
#: What python-threatexchange calls what a bank asks for.
_CATEGORIES = {"block": "POSITIVE_CLASS", "review": "INVESTIGATION_SEED", "benign": "NEGATIVE_CLASS"}


def exported_lines(connection: sa.Connection, name: str, format: ExportFormat) -> Iterator[str]:
    """Lines of a file with all entries of a bank; in CSV those that have a PDQ hash. Raises ``UnknownBankError``."""
    (summary,) = summaries(connection, name)
    rows = entry_rows(connection, name)
    if format == "jsonl":
        for row in rows:
            yield json.dumps(_object(summary.bank, row), ensure_ascii=False) + "\n"
        return
    if format == "csv":
        yield _csv_line(["collab", "signal_type", "signal_str", "category", "tags"])
    cells: Callable[[Bank, dict[str, Any]], list[str]] = _signal if format == "csv" else _descriptor
    for row in rows:
        if row["pdq"] is not None:
            yield _csv_line(cells(summary.bank, row))


def _object(bank: Bank, row: dict[str, Any]) -> dict[str, Any]:
    """An entry as it is imported again; ``id`` and ``signals`` are where HMA has them."""
    pdq = None if row["pdq"] is None else row["pdq"].hex()
    return {
        "id": row["entry_id"],
        "bank": bank.name,
        "action": bank.action,
        "signals": {} if pdq is None else {"pdq": pdq},
        "pdq_quality": row["pdq_quality"],
        "sha256": row["sha256"],
        "words_key": row["words_key"],
        "owner": row["owner"],
        "note": row["note"],
        "created_at": row["created_at"].isoformat(),
        "expires_at": None if row["expires_at"] is None else row["expires_at"].isoformat(),
        "quarantined": row["quarantined_at"] is not None,
    }


def _signal(bank: Bank, row: dict[str, Any]) -> list[str]:
    """As ``threatexchange dataset --print-signals --csv`` writes it."""
    return [bank.name, "pdq", row["pdq"].hex(), _CATEGORIES[bank.action], ""]


def _descriptor(bank: Bank, row: dict[str, Any]) -> list[str]:
    """As ThreatExchange's rows of descriptors: hash, number, time, tags."""
    moment = row["created_at"].strftime("%Y-%m-%dT%H:%M:%S+0000")
    return [row["pdq"].hex(), str(key_of(row["entry_id"])), moment, f"{bank.name} media_type_photo"]


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
