import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.banks import bank_with, entry, n_rows, random_pdq
from support.ledgers import database_of

from serving.known.bank import Bank, BankError, NewEntry
from serving.known.bank_export import EXPORT_FORMATS, ExportFormat, exported_lines
from serving.known.bank_files import ReadCounts, read_entries
from serving.known.bank_import import Imported, import_entries
from serving.known.bank_store import summaries
from serving.ledger.database import Database
from serving.ledger.tables import bank_entries

HASH = random_pdq(1).hex()
OTHER = random_pdq(2).hex()


@pytest.fixture
def database(ledger_url: str) -> Iterator[Database]:
    database = database_of(ledger_url)
    yield database
    database.close()


def read(path: Path, content: str | bytes, name: str = "hashes.csv") -> tuple[list[NewEntry], ReadCounts]:
    file = path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    counts = ReadCounts()
    return list(read_entries(file, counts)), counts


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("threatexchange.csv", f"{HASH},2880742865368386,2020-07-31T18:47:52+0000,disputed media_type_photo\n"),
        ("dataset.csv", f"collab,signal_type,signal_str,category,tags\nSample Signals,pdq,{HASH},POSITIVE_CLASS,\n"),
        ("simple.csv", f"4161230000000001,{HASH},1,2\n"),
        ("hasher.csv", f"{HASH},87,some_picture.jpg\n"),
        ("files.csv", f"FilePath,Hash\nsome_picture.jpg,{HASH}\n"),
        ("alone.csv", f"# a comment\n\n{HASH.upper()}\n"),
        ("bom.csv", f"\ufeffpdq,note\n{HASH},seen in spring\n"),
        ("hma.jsonl", json.dumps({"pdq": HASH})),
        ("hma_content.jsonl", json.dumps({"id": 1234, "signals": {"pdq": HASH}}) + "\n\n"),
        ("signals.jsonl", json.dumps({"signal_type": "pdq", "signal_str": HASH})),
        ("descriptors.jsonl", json.dumps({"id": "1", "type": "HASH_PDQ", "indicator": HASH, "tags": ["a", "b"]})),
    ],
)
def test_pdq_hashes_are_read_as_the_tools_around_pdq_write_them(tmp_path: Path, name: str, content: str) -> None:
    (found,), _ = read(tmp_path, content, name)
    assert found.fingerprint.pdq == bytes.fromhex(HASH)


def test_the_quality_that_the_hasher_gives_is_kept(tmp_path: Path) -> None:
    (found,), _ = read(tmp_path, f"{HASH},49,some_picture.jpg\n")
    assert found.fingerprint.pdq_quality == 49


def test_signals_of_other_types_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = "signal_type,signal_str\nvideo_md5,0123\npdq," + HASH + "\nurl,somewhere\n"
    found, counts = read(tmp_path, rows)
    assert (len(found), counts.other_signals) == (1, 2)


@pytest.mark.parametrize(
    ("name", "content", "row"),
    [
        ("short.csv", f"{HASH}\n{HASH[:-1]}\n", 2),
        ("long.csv", f"pdq\n{HASH}\n{HASH}ff\n", 3),
        ("letters.csv", f"{HASH}\n{'g' * 64}\n", 2),
        ("no_hash.csv", "pdq,note\n,nothing here\n", 2),
        ("note.csv", f'pdq,note\n{HASH},"\x1b[31mred"\n', 2),
        ("quality.csv", f"pdq,quality\n{HASH},101\n", 2),
        ("moment.csv", f"pdq,expires_at\n{HASH},tomorrow\n", 2),
        ("words.jsonl", json.dumps({"pdq": HASH}) + "\n" + json.dumps({"words_key": "abc"}), 2),
        ("number.jsonl", json.dumps({"pdq": 12}), 1),
        ("list.jsonl", "[]\n", 1),
        ("deep.jsonl", "[" * 20_000 + "\n", 1),
        ("no.jsonl", json.dumps({"pdq": HASH}) + "\n{", 2),
        ("huge.jsonl", " " * 70_000 + json.dumps({"pdq": HASH}), 1),
        ("huge.csv", f"{HASH}\n{HASH},{'x' * 70_000}\n", 2),
    ],
)
def test_a_row_that_holds_no_known_meme_is_refused_with_its_number(
    tmp_path: Path, name: str, content: str, row: int
) -> None:
    with pytest.raises(BankError, match=rf"{re.escape(name)}: row {row}: "):
        read(tmp_path, content, name)


def test_what_is_refused_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(BankError) as refused:
        read(tmp_path, f"{HASH}\nwords of somebody,1,2,3\n")
    assert "words of somebody" not in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff\xfe" + HASH.encode("utf-16-le"), HASH.encode() + b"\n\xff\n"])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BankError, match=r"row \d: not UTF-8"):
        read(tmp_path, content)


@given(st.binary(max_size=300))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("any.csv", "any.jsonl"):
        try:
            found, _ = read(tmp_path_factory.mktemp("any"), content, name)
        except BankError:
            continue
        assert all(len(one.fingerprint.pdq or bytes(32)) == 32 for one in found)


def _exported(database: Database, bank: str) -> list[dict[str, Any]]:
    """Entries without what is another's in another bank."""
    with database.reading() as connection:
        rows = [json.loads(line) for line in exported_lines(connection, bank, "jsonl")]
    own = ("id", "bank", "action", "created_at")
    return sorted(({name: row[name] for name in row if name not in own} for row in rows), key=str)


def test_an_export_comes_back_as_it_was(database: Database, tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "owner": "ann",
        "note": 'seen in spring, "again"',
        "expires_at": datetime(2999, 1, 1, tzinfo=UTC),
    }
    bank_with(database, Bank("removed", "block"), entry(0, **said), entry(1, None), entry(2))
    bank_with(database, Bank("again", "review"))
    file = tmp_path / "removed.jsonl"
    with database.reading() as connection:
        file.write_text("".join(exported_lines(connection, "removed", "jsonl")))
    assert import_entries(database, "again", file) == Imported(3, 0, 0)
    assert _exported(database, "again") == _exported(database, "removed")


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_every_export_can_be_imported(database: Database, tmp_path: Path, format: ExportFormat) -> None:
    bank_with(database, Bank("removed", "block"), entry(0, None), entry(1, None))
    bank_with(database, Bank("again", "review"))
    file = tmp_path / ("hashes.jsonl" if format == "jsonl" else "hashes.csv")
    with database.reading() as connection:
        file.write_text("".join(exported_lines(connection, "removed", format)))
    assert import_entries(database, "again", file).added == 2
    with database.reading() as connection:
        hashes = connection.execute(bank_entries.select().order_by(bank_entries.c.pdq)).mappings().all()
    assert [row["pdq"] for row in hashes] == sorted([random_pdq(0), random_pdq(1)] * 2)


def test_exports_for_other_tools_are_in_their_words(database: Database) -> None:
    bank_with(database, Bank("removed", "block"), entry(0, None), NewEntry(entry(1).fingerprint))
    with database.reading() as connection:
        header, *rows = exported_lines(connection, "removed", "csv")
        descriptors = list(exported_lines(connection, "removed", "threatexchange"))
    assert header == "collab,signal_type,signal_str,category,tags\n"
    assert f"removed,pdq,{random_pdq(0).hex()},POSITIVE_CLASS,\n" in rows
    assert all(
        re.fullmatch(r"[0-9a-f]{64},\d+,\d{4}-\d\d-\d\dT[\d:]{8}\+0000,removed media_type_photo\n", row)
        for row in descriptors
    )


def test_nothing_is_imported_of_a_file_with_a_row_that_is_refused(database: Database, tmp_path: Path) -> None:
    bank_with(database, Bank("removed", "block"))
    file = tmp_path / "hashes.csv"
    file.write_text("\n".join(random_pdq(seed).hex() for seed in range(1500)) + "\nno hash\n")
    with pytest.raises(BankError, match="row 1501"):
        import_entries(database, "removed", file)
    with database.reading() as connection:
        assert n_rows(connection, bank_entries) == 0


def _interrupt(_: int) -> None:
    raise KeyboardInterrupt


def test_an_import_that_was_interrupted_goes_on_and_one_that_is_repeated_adds_nothing(
    database: Database, tmp_path: Path
) -> None:
    bank_with(database, Bank("removed", "block"))
    file = tmp_path / "hashes.csv"
    file.write_text("\n".join(random_pdq(seed).hex() for seed in range(2500)))

    totals: list[int] = []

    def begin(total: int) -> Callable[[int], None]:
        totals.append(total)
        return _interrupt

    with pytest.raises(KeyboardInterrupt):
        import_entries(database, "removed", file, begin=begin)
    assert totals == [2500]
    assert import_entries(database, "removed", file) == Imported(1500, 1000, 0)
    assert import_entries(database, "removed", file) == Imported(0, 2500, 0)
    with database.reading() as connection:
        assert [one.entries for one in summaries(connection)] == [2500]
