"""Fixtures that several tests share: the bundle that ships, opened once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from model import Scorer, load
from serving.app import create_app
from serving.desk import Desk
from serving.settings import Settings

if TYPE_CHECKING:
    from support.tiny import TinyBundle


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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> "TinyBundle":
    """A small bundle of random weights, exported once, with the network that it was made of."""
    from support.tiny import make_tiny_bundle  # noqa: PLC0415 - torch, which most tests do without

    return make_tiny_bundle(tmp_path_factory.mktemp("tiny"))
