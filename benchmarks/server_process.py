"""``memeguard serve`` in a process of its own, for as long as a benchmark asks it."""

import os
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

_START_S = 300


@dataclass(frozen=True)
class RunningServer:
    """Where it listens, and the process of its supervisor."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        return self.process.pid

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.terminate()

    def wait(self, timeout_s: float) -> float:
        """The moment, by ``time.monotonic``, at which it has ended."""
        self.process.wait(timeout=timeout_s)
        return time.monotonic()


@contextmanager
def served(folder: Path, threads: int, workers: int, ocr: str = "none") -> Iterator[RunningServer]:
    """A server without the cache; its ledger and its log lie in ``folder``."""
    port = _free_port()
    command = ["-m", "serving.cli", "serve", "--ocr", ocr, "--port", str(port)]
    settings = {"MEMEGUARD_CACHE_ITEMS": "0", "MEMEGUARD_LEDGER_URL": f"sqlite:///{folder.resolve()}/ledger.db"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--threads", str(threads), "--workers", str(workers)],
            env=os.environ | settings,
            cwd=Path(__file__).parents[1],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, port, folder / "server.log")
        yield RunningServer(port, process)
    finally:
        process.terminate()
        process.wait(timeout=60)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = [
        int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
    ]
    return [pid, *(descendant for child in children for descendant in family(child))]


def cpu_s(pid: int) -> float:
    """Seconds of CPU time that a process has had, with those of its children that have ended."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Memory that a process holds at the moment."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
