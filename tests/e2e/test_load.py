"""The real server with far too much to do, with slow callers, and with callers who leave."""

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator

import psutil
import pytest
from support.asgi import FORM, upload
from support.pictures import meme
from support.server import Server, free_port, running

from benchmarks.load_generator import Caller, Tally, at_rate, http_request, in_turns

LIMITS = {
    "MEMEGUARD_MAX_PENDING": "4",
    "MEMEGUARD_MAX_ITEMS": "4",
    "MEMEGUARD_BODY_TIMEOUT_S": "1",
    "MEMEGUARD_CACHE_ITEMS": "0",
}
#: Judging one meme takes a fraction of this even on a busy machine, and at most four are before it.
BOUND_S = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    command = ["serving.cli", "serve", "--port", str(port), "--ocr", "none"]
    with running(command, port, tmp_path_factory.mktemp("load"), **LIMITS) as ready:
        yield ready


def _requests(n: int = 20) -> list[bytes]:
    return [http_request(upload(meme(seed), f"words {seed}"), FORM) for seed in range(n)]


def _resident_mib(server: Server) -> float:
    n_bytes: int = sum(psutil.Process(pid).memory_info().rss for pid in server.pids())
    return n_bytes / 2**20


def test_ten_times_too_much_gets_answers_or_clean_refusals_in_bounded_time_and_memory(server: Server) -> None:
    health: list[int] = []

    async def ask_for_health() -> None:
        while True:
            for path in ("/livez", "/readyz", "/metrics"):
                health.append((await asyncio.to_thread(server.get, path)).status)

    async def flood() -> tuple[Tally, Tally]:
        n_left = iter(range(12))
        steady = await in_turns(server.port, _requests(), 4, lambda: next(n_left, None) is not None)
        before = _resident_mib(server)
        per_s = 10 * steady.n(200) / sum(steady.seconds[200]) * 4
        too_much = await at_rate(server.port, _requests(), max(per_s, 50.0), 5.0, ask_for_health)
        assert _resident_mib(server) < before + 60
        return steady, too_much

    steady, too_much = asyncio.run(flood())
    assert steady.statuses == {200: 12}
    assert set(too_much.statuses) == {200, 503}
    assert not too_much.without_answer
    assert too_much.n(503) > too_much.n(200)
    assert max(too_much.seconds[200]) < BOUND_S
    assert set(health) == {200}
    assert 'code="overloaded"' in server.get("/metrics").body.decode()


def test_a_slow_body_gets_408_and_its_connection_is_closed(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        problem = json.loads(answer.read())
        assert (answer.status, problem["code"]) == (408, "body_timeout")
        assert (problem["limit"], problem["limit_value"]) == ("body_timeout_s", 1)
        assert answer.headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_callers_who_leave_give_up_their_places(server: Server) -> None:
    request = _requests(1)[0]
    for _ in range(3):
        callers = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(4)]
        for caller in callers:
            caller.sendall(request)
        for caller in callers:
            caller.close()
    assert asyncio.run(_until_judged(server, request)).n(200) == 1


async def _until_judged(server: Server, request: bytes) -> Tally:
    """Ask until there is a place; the places of those who left come free within a request's time."""
    tally = Tally()
    caller = Caller(server.port, tally)
    async with asyncio.timeout(BOUND_S):
        while not tally.n(200):
            await caller.call(request)
    await caller.close()
    return tally
