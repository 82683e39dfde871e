"""A server without keys for the tests of a file."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module")
def shared_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('shared')}/ledger.db"


@pytest.fixture(scope="module")
def shared_server(scorer: Scorer, shared_url: str) -> Iterator[TestClient]:
    """A server without keys, started once."""
    settings = Settings(ocr="none", ledger_url=shared_url)
    with TestClient(create_app(lambda: AppState(settings, scorer)), follow_redirects=False) as client:
        yield client


@pytest.fixture
def keyless(shared_server: TestClient) -> TestClient:
    """The same, and nobody is signed in."""
    shared_server.cookies.clear()
    return shared_server
