"""A ledger of either kind, for the tests of the queue and of what is done in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.ledgers import database_of
from support.review_items import doing

from serving.ledger.database import Database
from serving.ledger.tables import decisions, review_actions


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of either kind, which all tests here share."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('review')}/ledger.db"
    else:
        url = request.getfixturevalue("postgres").new_database()
    opened = database_of(url)
    yield opened
    opened.close()


@pytest.fixture
def database(ledger: Database) -> Iterator[Database]:
    """The same without a decision in it."""
    yield ledger
    with ledger.writing() as connection:
        connection.execute(decisions.delete())
        connection.execute(review_actions.delete())


@pytest.fixture
def do(database: Database) -> Callable[..., Any]:
    return doing(database)
