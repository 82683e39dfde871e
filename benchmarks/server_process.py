"""HTTP server in a process of its own, as long as a benchmark or a script needs it; and what its processes take."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_START_S = 300
#: A server that has said for so long that it is not ready will not be: what it waits for at its start takes less.
_NOT_READY_S = 15
#: A server that had no more CPU time than this in half a second does nothing.
_IDLE_S = 0.05


@dataclass(frozen=True)
class RunningServer:
    """Where it listens, the process of its supervisor, and how long it took from its start to its first "ready"."""

    port: int
    process: subprocess.Popen[bytes]
    ready_s: float = 0.0

    @property
    def address(self) -> str:
        """Where its paths begin."""
        return f"http://127.0.0.1:{self.port}"

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
def served(
    folder: Path,
    threads: int,
    workers: int,
    ocr: str = "none",
    *,
    environment: Mapping[str, str] | None = None,
    checkout: Path = ROOT,
) -> Iterator[RunningServer]:
    """``memeguard serve``, without the cache unless its environment says otherwise; ledger and log lie in ``folder``.

    ``environment`` takes the place of this process's, ``checkout`` is the code that is run.
    """
    port = free_port()
    command = ["-m", "serving.cli", "serve", "--ocr", ocr, "--port", str(port)]
    command += ["--threads", str(threads), "--workers", str(workers)]
    ledger = {"MEMEGUARD_LEDGER_URL": f"sqlite:///{folder.resolve()}/ledger.db", "PYTHONPATH": str(checkout)}
    variables = {"MEMEGUARD_CACHE_ITEMS": "0"} | dict(os.environ if environment is None else environment) | ledger
    with python_server(command, port, folder / "server.log", variables, checkout) as server:
        yield server


@contextmanager
def python_server(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str], checkout: Path = ROOT
) -> Iterator[RunningServer]:
    """``python COMMAND``, which answers 200 at ``/readyz`` on ``port`` once it is ready; ended by SIGTERM.

    Raises ``RuntimeError`` for one that ends, that says it is not ready, or that does not answer, with what it said.
    """
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command], env=dict(environment), cwd=checkout, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, port, log)
        yield RunningServer(port, process, time.monotonic() - began)
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def pinned(cores: Set[int]) -> Iterator[None]:
    """Processes that are started here may use these cores only, and so may those that they start."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def end_with_servers() -> None:
    """From now on SIGTERM ends this process as an error would: the servers that it started end with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


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


def family_cpu_s(pid: int) -> float:
    """Seconds of CPU time that a process and all that descend from it have had."""
    return sum(cpu_s(member) for member in family(pid))


def wait_until_idle(pid: int) -> None:
    """Wait until a process and its descendants do nothing any more, at most two minutes."""
    ends, before_s = time.monotonic() + 120, -1.0
    while time.monotonic() < ends and (now_s := family_cpu_s(pid)) - before_s > _IDLE_S:
        before_s = now_s
        time.sleep(0.5)


def resident_mib(pid: int) -> float:
    """Memory that a process holds at the moment."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends, said = time.monotonic() + _START_S, ""
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
                return
        except urllib.error.HTTPError as error:  # it answers, and says what is missing
            if not said:
                ends = min(ends, time.monotonic() + _NOT_READY_S)
            said = error.read().decode(errors="replace")
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.05)
    if process.poll() is not None:
        how = f"ended with exit status {process.returncode}"
    else:
        how = f"is not ready: {said}" if said else f"did not answer within {_START_S} s"
    raise RuntimeError(f"the server {how}\n{log.read_text()}")
