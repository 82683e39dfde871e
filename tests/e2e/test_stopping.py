"""SIGTERM under load: every request that the server took in gets its answer, and what comes then a clean refusal."""

import asyncio
import http.client
import json
import signal
import socket
from pathlib import Path

import pytest
from support.asgi import FORM, upload
from support.pictures import meme
from support.server import Server, free_port, running

from benchmarks.load_generator import REFUSED, Tally, http_request, in_turns

N_CALLERS = 10
#: Requests begun before the signal, so that it comes while all callers wait for answers.
N_BEFORE = 15


def _flooded_until_stopped(server: Server, requests: list[bytes]) -> Tally:
    """Callers who go on asking until nobody listens; the signal comes in the middle."""
    n_begun = 0

    def more() -> bool:
        nonlocal n_begun
        n_begun += 1
        if n_begun == N_BEFORE:
            server.process.send_signal(signal.SIGTERM)
        return True

    return asyncio.run(in_turns(server.port, requests, N_CALLERS, more))


def test_who_is_not_done_when_the_grace_is_over_is_told_so(tmp_path: Path) -> None:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none"]
    with (
        running(command, port, tmp_path, MEMEGUARD_GRACE_S="0.5", MEMEGUARD_BODY_TIMEOUT_S="60") as server,
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        connection.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf")
        assert server.get("/livez").status == 200
        server.process.send_signal(signal.SIGTERM)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["code"]) == (503, "stopping")
        assert server.process.wait(timeout=60) == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()


@pytest.mark.parametrize(("workers", "kept_alive"), [(1, True), (1, False), (2, True)])
def test_sigterm_under_load_loses_no_request(tmp_path: Path, workers: int, kept_alive: bool) -> None:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none", "--workers", str(workers)]
    headers = b"Host: test\r\n" if kept_alive else b"Host: test\r\nConnection: close\r\n"
    requests = [http_request(upload(meme(seed), f"words {seed}"), FORM) for seed in range(40)]
    requests = [request.replace(b"Host: test\r\n", headers, 1) for request in requests]
    with running(command, port, tmp_path, MEMEGUARD_CACHE_ITEMS="0") as server:
        tally = _flooded_until_stopped(server, requests)
        assert server.process.wait(timeout=60) == 0
    assert tally.without_answer == {REFUSED: N_CALLERS}
    assert set(tally.statuses) == {200, 503}
    assert tally.n(200) >= N_CALLERS
    log = (tmp_path / "server.log").read_text()
    assert "code=stopping" in log
    assert "code=overloaded" not in log
    assert "Traceback" not in log
