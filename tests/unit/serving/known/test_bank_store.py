import pytest
import sqlalchemy as sa
from support.ledgers import database_of

from model.known.fingerprint import Fingerprint
from serving.known.bank import Bank, NewEntry
from serving.known.bank_store import add_entry, create_bank, entry_with_file

A, B = "a" * 64, "b" * 64
ENTRIES = [
    Fingerprint(A, bytes(32), 100, "c" * 66),
    Fingerprint(A),
    Fingerprint("", bytes(range(32)), 90),
    Fingerprint("", words_key="d" * 66),
]


def test_an_entry_with_the_same_hashes_is_not_made_twice_and_one_with_fewer_is_another(ledger_url: str) -> None:
    database = database_of(ledger_url)
    with database.writing() as connection:
        for name in ("first", "second"):
            create_bank(connection, Bank(name, "block"))
        made = [add_entry(connection, "first", NewEntry(one)) for one in ENTRIES]
        again = [add_entry(connection, "first", NewEntry(one)) for one in ENTRIES]
        elsewhere = [add_entry(connection, "second", NewEntry(one)) for one in ENTRIES]
        assert entry_with_file(connection, "first", A) in {made[0][0], made[1][0]}
        assert entry_with_file(connection, "first", B) is None
    database.close()
    assert [is_new for _, is_new in made + elsewhere] == [True] * 8
    assert again == [(id, False) for id, _ in made]


@pytest.mark.parametrize("asked", ["sha256 IS NULL AND pdq = x'00' AND words_key IS NULL", "sha256 = 'a'"])
def test_no_bank_is_looked_through_for_one_entry(asked: str, tmp_path: object) -> None:
    database = database_of(f"sqlite:///{tmp_path}/ledger.db")
    query = f"EXPLAIN QUERY PLAN SELECT entry_id FROM bank_entries WHERE bank = 'first' AND {asked}"  # noqa: S608 - ours
    with database.reading() as connection:
        (plan,) = connection.execute(sa.text(query)).all()
    database.close()
    assert plan.detail.startswith("SEARCH bank_entries USING INDEX ix_bank_entries_hashes")
