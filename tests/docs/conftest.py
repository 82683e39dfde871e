"""One server for the blocks of all documents."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.page_folder import SERVE, PageFolder, fill
from support.server import Server, free_port, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    command = SERVE.replace("memeguard", "serving.cli").replace("3000", str(port)).split()
    with running(command, port, tmp_path_factory.mktemp("server"), MEMEGUARD_LEDGER_STORE_TEXT="true") as server:
        yield server


@pytest.fixture
def page_folder(server: Server, tmp_path: Path) -> PageFolder:
    fill(tmp_path)
    return PageFolder(tmp_path, server)
