"""A real server in a subprocess, and plain HTTP to talk to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_START_S = 240


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A server that is ready."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> Answer:
        return self._send(urllib.request.Request(self.url(path)))  # noqa: S310

    def post(self, body: bytes, content_type: str, path: str = "/v1/classify") -> Answer:
        return self._send(urllib.request.Request(self.url(path), body, {"Content-Type": content_type}))  # noqa: S310

    def classify(self, *images: bytes, name: str = "meme.png", **fields: str) -> Answer:
        parts: list[tuple[str, str | None, bytes]] = [("image", name, image) for image in images]
        parts += [(field, None, value.encode()) for field, value in fields.items()]
        return self.post(form(parts), f"multipart/form-data; boundary={BOUNDARY}")

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def pids(self) -> list[int]:
        """The supervisor and its workers."""
        root = psutil.Process(self.process.pid)
        return [root.pid, *(child.pid for child in root.children(recursive=True))]

    def stop(self) -> int:
        """Ask it to stop and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    @staticmethod
    def _send(request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310
                return Answer(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())


BOUNDARY = "test-boundary-7d1f"


def form(parts: list[tuple[str, str | None, bytes]]) -> bytes:
    """A multipart body of (field, file name or None, content)."""
    body = b""
    for field, file_name, content in parts:
        file_part = f'; filename="{file_name}"' if file_name else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"{file_part}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, folder: Path, **environ: str) -> Iterator[Server]:
    """Start ``python -m COMMAND`` in ``folder``, wait until it is ready, and stop it afterwards.

    Its ledger is its own: who reads the bytes of an SQLite file lets go of the locks that his process holds on it.
    """
    log = folder / "server.log"
    own = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "bentoml"), "XDG_STATE_HOME": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=os.environ | own | environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, port, log)
    try:
        _wait_until_live(server)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _wait_until_live(server: Server) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with {server.process.returncode}:\n{server.log.read_text()}")
        try:
            if server.get("/livez").status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the server was not live after {_START_S} s:\n{server.log.read_text()}")
