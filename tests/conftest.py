"""Fixtures that several tests share: the bundle that ships, opened once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import is_hypothesis_test, settings
from starlette.testclient import TestClient
from support import ROOT

from model import Scorer, load
from serving.app_state import AppState
from serving.http.app import create_app
from serving.settings import Settings

if TYPE_CHECKING:
    from support.postgres import Cluster
    from support.tiny import TinyBundle


# The same examples at every run, however busy the machine: `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole servers, commands and exports are slow. Files with slow tests come first, so that no worker ends on one.

    What slow tests cover is not measured: most of it runs in processes of its own, and measuring costs a third more.
    Nor is it of generated examples, which run the same lines over and over.
    """
    for item in items:
        if any(item.path.is_relative_to(ROOT / "tests" / room) for room in ("browser", "e2e", "parity")):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") or (isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)):
            item.add_marker(pytest.mark.no_cover)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders of ledgers. What outlives a test, and is told nothing else, keeps its decisions in the first of them."""
    folder = tmp_path_factory.mktemp("states")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "shared"))
        yield folder


@pytest.fixture(autouse=True)
def _ledger_of_the_test(states: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger for each test: not in somebody's home, and with nothing in it that another test has left there."""
    monkeypatch.setenv("XDG_STATE_HOME", str(states / uuid4().hex))


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    """The default bundle without OCR: most tests send the words."""
    return load(ocr="none")


@pytest.fixture(scope="session")
def client(scorer: Scorer) -> Iterator[TestClient]:
    """The app in this process. A crash becomes the 500 that a caller would see."""
    app = create_app(lambda: AppState(Settings(ocr="none"), scorer))
    with TestClient(app, raise_server_exceptions=False) as test_client:
        yield test_client


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Cluster]":
    """A PostgreSQL server."""
    from support.postgres import running_cluster  # noqa: PLC0415 - its programs, which most tests do without

    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.new_database()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> "TinyBundle":
    """A small bundle of random weights, exported once, with the network that it was made of."""
    from support.tiny import make_tiny_bundle  # noqa: PLC0415 - torch, which most tests do without

    own = tmp_path_factory.getbasetemp()
    of_all_workers = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return make_tiny_bundle(tmp_path_factory.mktemp("tiny"), head=of_all_workers / "tiny-head.onnx")
