"""Fixtures that several tests share: the bundle that ships, opened once."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from model import Scorer, load
from serving.app import create_app
from serving.desk import Desk
from serving.settings import Settings


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    """The default bundle without OCR: most tests send the words."""
    return load(ocr="none")


@pytest.fixture(scope="session")
def client(scorer: Scorer) -> Iterator[TestClient]:
    """The app in this process. A crash becomes the 500 that a caller would see."""
    app = create_app(lambda: Desk(Settings(ocr="none"), scorer))
    with TestClient(app, raise_server_exceptions=False) as test_client:
        yield test_client
