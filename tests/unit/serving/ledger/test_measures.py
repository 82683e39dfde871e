from dataclasses import replace

import pytest
from support.ledgers import keep, verdict_of, with_ledger

from model.verdict import KnownMeme, TextEvidence
from serving.ledger.database import Database
from serving.ledger.ledger import Ledger
from serving.ledger.measures import main_script, measures_of
from serving.ledger.queries import find_decision


def test_measures_say_how_much_was_read_in_which_script_and_hold_none_of_it() -> None:
    read = TextEvidence("two words", "ocr", "ok", confidence=0.875)
    known = (KnownMeme("b", "1", "same_meme", "block"), KnownMeme("a", "2", "same_words", "none"))
    measures = measures_of(replace(verdict_of(), text=read, known=(*known, known[0])))
    assert measures == {"characters": 9, "words": 2, "script": "latin", "ocr_confidence": 0.875, "banks": ["a", "b"]}
    assert measures_of(verdict_of(""))["ocr_confidence"] is None


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("caf\u00e9 2026!", "latin"),
        ("\u043d\u0438\u043a\u0442\u043e knows it", "latin"),
        ("\u043d\u0438\u043a\u0442\u043e \u043d\u0435 ok", "cyrillic"),
        ("\u0645\u0631\u062d\u0628\u0627", "arabic"),
        ("\u4f60\u597d", "cjk"),
        ("123 ?!", "none"),
        ("", "none"),
    ],
)
def test_the_script_is_the_one_that_most_letters_are_in(text: str, script: str) -> None:
    assert main_script(text) == script


def test_measures_are_kept_where_words_are_not(ledger_url: str) -> None:
    async def work(ledger: Ledger) -> tuple[str, Database]:
        return await keep(ledger, text="four words of it"), ledger.database

    decision_id, database = with_ledger(ledger_url, work, store_text=False)
    with database.reading() as connection:
        row = find_decision(connection, decision_id)
    database.close()
    assert row is not None
    assert row["text"] is None
    assert row["measures"]["words"] == 4
