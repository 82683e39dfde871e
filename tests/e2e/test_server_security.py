"""Who may call a real server: its keys, their rates and the addresses it listens on."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.callers import ALL, ask, classify_at, own_address
from support.server import Server, free_port, running

from serving.cli import main

_IN_FORCE_S = 1.0


def _keys(file: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["keys", *arguments, "--file", str(file)])
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def _changed(file: Path, *arguments: str) -> str:
    """Change the keys, and give a running server the second that it may take to see it."""
    printed = _keys(file, *arguments)
    time.sleep(_IN_FORCE_S)
    return printed


def _statuses(server: Server, key: str, n_requests: int = 12) -> set[int]:
    """What a key gets from a path that is not there: of both workers, since every request is a connection."""
    return {ask(server, "GET", "/v1/nowhere", X_API_Key=key).status for _ in range(n_requests)}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    _keys(file, "create", "first", "--scope", "classify", "--scope", "metrics")
    return file


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, keys_file: Path) -> Iterator[Server]:
    """Two workers, with keys, open to every address."""
    port = free_port()
    command = ["serving.cli", "serve", "--host", ALL, "--port", str(port), "--workers", "2", "--ocr", "none"]
    folder = tmp_path_factory.mktemp("guarded")
    relative = os.path.relpath(keys_file, folder)
    with running([*command, "--keys-file", relative], port, folder, MEMEGUARD_PROTECT_METRICS="true") as ready:
        yield ready


@pytest.mark.parametrize("host", [ALL, "::", "own"])
def test_serve_refuses_to_listen_beyond_this_machine_without_keys(host: str) -> None:
    address = own_address() if host == "own" else host
    result = CliRunner().invoke(main, ["serve", "--host", address, "--port", str(free_port())])
    assert result.exit_code == 1
    for remedy in ("memeguard keys create", "--keys-file", "--allow-anonymous"):
        assert remedy in result.stderr


def test_serve_listens_beyond_this_machine_without_keys_when_told_to_by_name(tmp_path: Path) -> None:
    port = free_port()
    command = ["serving.cli", "serve", "--host", ALL, "--port", str(port), "--ocr", "none", "--allow-anonymous"]
    with running(command, port, tmp_path) as server:
        assert classify_at(server, "", own_address()).status == 200


def test_a_key_made_while_the_server_runs_is_good_within_a_second_and_a_revoked_one_is_not(
    guarded: Server, keys_file: Path
) -> None:
    assert classify_at(guarded, "mg_wrong", own_address()).status == 401
    key = _changed(keys_file, "create", "second")
    assert _statuses(guarded, key) == {404}
    assert classify_at(guarded, key, own_address()).status == 200
    _changed(keys_file, "revoke", "second")
    assert _statuses(guarded, key) == {401}


def test_keys_come_and_go_without_a_dropped_request(guarded: Server, keys_file: Path) -> None:
    steady = _changed(keys_file, "create", "steady")
    statuses: list[int] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            statuses.append(ask(guarded, "GET", "/v1/nowhere", X_API_Key=steady).status)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    for number in range(5):
        _keys(keys_file, "create", f"passing-{number}")
        time.sleep(0.3)
        _keys(keys_file, "revoke", f"passing-{number}")
    over.set()
    for caller in callers:
        caller.join()
    assert len(statuses) > 100
    assert set(statuses) == {404}


def test_two_workers_share_the_rate_of_a_key(guarded: Server, keys_file: Path) -> None:
    key = _changed(keys_file, "create", "limited", "--rate", "20/day")
    statuses = [ask(guarded, "GET", "/v1/nowhere", X_API_Key=key).status for _ in range(30)]
    assert statuses == [404] * 20 + [429] * 10


def test_metrics_are_for_a_key_that_may_read_them(guarded: Server, keys_file: Path) -> None:
    key = _changed(keys_file, "create", "scraper", "--scope", "metrics")
    assert ask(guarded, "GET", "/metrics").status == 401
    metrics = ask(guarded, "GET", "/metrics", Authorization=f"Bearer {key}")
    assert metrics.status == 200
    assert b'memeguard_errors_total{code="key_needed"}' in metrics.body


def test_the_log_names_a_key_and_never_shows_it(guarded: Server, keys_file: Path) -> None:
    key = _changed(keys_file, "create", "shown-by-name")
    assert _statuses(guarded, key) == {404}
    log = guarded.log.read_text()
    assert "shown-by-name" in log
    assert key.split("_", 2)[2] not in log


def test_serve_refuses_a_keys_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("broken")
    result = CliRunner().invoke(main, ["serve", "--keys-file", str(tmp_path / "keys.json")])
    assert result.exit_code == 1
    assert "no keys file of `memeguard keys`" in result.stderr
