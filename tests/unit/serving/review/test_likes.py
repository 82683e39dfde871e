from pathlib import Path

from support.ledgers import database_of
from support.review_items import add_decisions, doing

from serving.known.bank import Bank
from serving.known.bank_retro import load_banks
from serving.known.bank_store import add_entry, create_bank, entry_of_decision
from serving.review.likes import known_likes


def test_an_item_is_told_the_bank_entries_that_it_is_like_with_their_notes(tmp_path: Path) -> None:
    database = database_of(f"sqlite:///{tmp_path}/ledger.db")
    do = doing(database)
    first, other = add_decisions(database, {"picture": b"one"}, {"picture": b"two"})
    do(create_bank, Bank("seen", "review"))
    entry, _ = do(add_entry, "seen", do(entry_of_decision, first, "ann", "in March", None))
    index = do(load_banks, ["seen"])

    (like,) = do(known_likes, first, ("seen",), index.answer)
    assert (like.match.entry, like.match.kind, like.owner, like.note) == (entry, "same_meme", "ann", "in March")
    assert do(known_likes, other, ("seen",), index.answer) == ()
    assert do(known_likes, first, (), index.answer) == ()
    assert do(known_likes, "0" * 32, ("seen",), index.answer) == ()
    database.close()
