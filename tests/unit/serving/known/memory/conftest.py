"""A scorer whose judgements can be remembered, and a ledger of either kind."""

from collections.abc import Iterator

import pytest
from support.ledgers import database_of
from support.tiny import TinyBundle

from model import Scorer, load
from serving.ledger.database import Database


@pytest.fixture(scope="module")
def scorer(tiny: TinyBundle) -> Scorer:
    return load(tiny.bundle.path, ocr="none", features=True, threads=1)


@pytest.fixture
def database(ledger_url: str) -> Iterator[Database]:
    database = database_of(ledger_url)
    yield database
    database.close()
