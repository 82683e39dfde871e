"""What a server without keys shows to whom, and what it does with what it is sent."""

import http.client
import json
import os
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import ROOT
from support.callers import ALL, ask, classify_at, own_address, raw
from support.pictures import meme
from support.server import BOUNDARY, Server, form, free_port, running


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bare")
    (folder / "tmp").mkdir()
    return {"cwd": folder, "tmp": folder / "tmp"}


@pytest.fixture(scope="module")
def bare(folders: dict[str, Path]) -> Iterator[Server]:
    """Started by BentoML's own command on every address, without keys and without leave to do so."""
    port = free_port()
    command = ["bentoml", "serve", "serving.service:Memeguard", "--host", ALL, "--port", str(port)]
    command += ["--working-dir", str(ROOT)]
    environ = {"TMPDIR": str(folders["tmp"]), "MEMEGUARD_OCR": "none", "PYTHONPATH": str(ROOT)}
    with running(command, port, folders["cwd"], **environ) as ready:
        yield ready


def test_without_keys_the_app_answers_this_machine_and_no_other(bare: Server) -> None:
    for host in ("127.0.0.1", "127.7.7.7"):
        assert classify_at(bare, "", host).status == 200
    refused = classify_at(bare, "", own_address())
    assert refused.status == 403
    assert refused.json()["code"] == "keys_required"
    assert ask(bare, "GET", "/metrics", own_address()).status == 403
    assert ask(bare, "GET", "/livez", own_address()).status == 200
    assert ask(bare, "GET", "/readyz", own_address()).json()["model"] is None


@pytest.mark.parametrize("n_bytes", [17_000, 40_000, 60_000])
def test_headers_over_the_limit_get_431_and_the_connection_closes(bare: Server, n_bytes: int) -> None:
    answer = raw(bare, b"GET /livez HTTP/1.1\r\nHost: test\r\nX-Long: " + b"x" * n_bytes + b"\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "headers_too_large"


def test_headers_beyond_what_the_http_parser_takes_end_the_connection_and_cost_no_memory(bare: Server) -> None:
    """uvicorn parses with h11, which gives up at 64 KiB: 400 in plain text, before any code of ours."""
    worker = psutil.Process(bare.pids()[-1])
    before = worker.memory_info().rss
    for _ in range(5):
        answer = raw(bare, b"GET /livez HTTP/1.1\r\nX-Long: ", *[b"x" * 65536] * 200)
        assert answer[:13] in {b"HTTP/1.1 400 ", b""}  # empty where the system dropped what was left to read
    assert worker.memory_info().rss - before < 8 * 1024 * 1024
    assert bare.get("/livez").status == 200


BENTOML_ROUTES = (
    "/is_ready",
    "/__is_ready__",
    "/health",
    "/healthz",
    "/docs.json",
    "/schema.json",
    "/static_content/index.html",
    "/assets/index.html",
    "/classify",
    "/check",
    "/__call__",
)


class _Opened:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_route_of_bentoml_is_reached(bare: Server, method: str) -> None:
    for path in BENTOML_ROUTES:
        answer = ask(bare, method, path, body=b"{}" if method == "POST" else None)
        assert (answer.status, answer.json()["code"]) == (404, "not_found"), path
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_home_page_is_ours_and_not_that_of_bentoml(bare: Server) -> None:
    answer = ask(bare, "GET", "/")
    assert (answer.status, b"Memeguard" in answer.body, b"swagger" in answer.body.lower()) == (200, True, False)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/vnd.bentoml+pickle",
        "application/vnd.bentoml+multipart",
        "application/vnd.bentoml.pickled",
        "application/pickle",
        "application/x-pickle",
        "application/octet-stream",
        f"multipart/form-data; boundary={BOUNDARY}",
        "application/json",
    ],
)
def test_nothing_that_is_sent_is_unpickled(bare: Server, content_type: str, tmp_path: Path) -> None:
    pickled = pickle.dumps(_Opened(tmp_path / "opened"))
    part = f"--{BOUNDARY}\r\nContent-Type: application/vnd.bentoml+pickle\r\n".encode()
    part += b'Content-Disposition: form-data; name="image"; filename="a.pkl"\r\n\r\n'
    bodies = (pickled, part + pickled + f"\r\n--{BOUNDARY}--\r\n".encode())
    for body in bodies:
        for path in ("/v1/classify", "/classify", "/"):
            headers = {"Payload_Container": "NdarrayContainer", "Yatai_Bento_Deployment_Name": "x"}
            assert 400 <= ask(bare, "POST", path, body=body, Content_Type=content_type, **headers).status < 500
    assert not (tmp_path / "opened").exists()
    pickle.loads(pickled)  # noqa: S301 - the trap does work
    assert (tmp_path / "opened").exists()


def test_a_websocket_is_refused(bare: Server) -> None:
    for path in (b"/", b"/v1/classify"):
        answer = raw(
            bare,
            b"GET " + path + b" HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n\r\n",
        )
        assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 404 ", b"HTTP/1.1 405 ")), answer[:100]


def test_large_uploads_never_touch_a_disk(bare: Server, folders: dict[str, Path]) -> None:
    """Every file that the worker has open, and every file in its folders, is looked at while it reads 20 MB."""
    before = set(folders["cwd"].rglob("*"))
    worker = psutil.Process(bare.pids()[-1])
    content = b"\x89PNG\r\n\x1a\n" + b"marker-of-an-upload" * (20 * 1024 * 1024 // 19)
    body = form([("image", "large.png", content), ("image", "small.png", meme())])
    head = (
        f"POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nConnection: close\r\n\r\n"
    )
    seen: set[Path] = set()
    opened: set[str] = set()
    written = worker.io_counters().write_bytes
    with socket.create_connection(("127.0.0.1", bare.port), timeout=60) as connection:
        connection.sendall(head.encode())
        for start in range(0, len(body), len(body) // 50):
            connection.sendall(body[start : start + len(body) // 50])
            seen |= set(folders["cwd"].rglob("*"))
            opened |= {file.path for file in worker.open_files() if "w" in file.mode or "+" in file.mode}
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200
        answer.read()
    assert seen - before == set()
    # Beside its log, the server writes the numbers of the metrics into BentoML's home, and decisions into the ledger.
    others = {Path(path) for path in opened if Path(path).parent.parent != folders["cwd"] / "bentoml"}
    assert {path.name for path in others} <= {"server.log", "ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert not [path for path in others if b"marker-of-an-upload" in path.read_bytes()]
    assert worker.io_counters().write_bytes - written < 1024 * 1024
    assert set(folders["cwd"].rglob("*")) == before
