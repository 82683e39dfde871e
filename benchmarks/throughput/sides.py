"""Sides that take turns: servers that are asked over HTTP, and the library in a process without a server.

Every side uses one thread for a network and may use as many cores as it has processes.
"""

import asyncio
import json
import multiprocessing
import os
import subprocess
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from benchmarks.load_generator import for_seconds, in_turns
from benchmarks.server_process import (
    ROOT,
    RunningServer,
    family,
    family_cpu_s,
    free_port,
    pinned,
    python_server,
    resident_mib,
    served,
    wait_until_idle,
)
from benchmarks.serving import Sample, request_with_words
from benchmarks.throughput.document import BARE, NOVEMBER, NOW, RAPIDOCR, TESSERACT, Kind, Work
from model import Meme
from serving.app_state import AppState
from serving.settings import from_env

#: The commit that is the yardstick, and what of it a server needs.
COMMIT, _ROOMS = "2415e3c", ("model", "serving")
TITLES = {
    TESSERACT: "FastAPI, CLIP B/16 in torch, pytesseract",
    RAPIDOCR: "FastAPI, CLIP B/16 in torch, RapidOCR",
    NOVEMBER: f"Memeguard at {COMMIT}",
    NOW: "Memeguard now",
    BARE: "Memeguard now, as a library",
}
_SPAWN = multiprocessing.get_context("spawn")
#: Memes that who uses the library gives it at once.
_CHUNK = 8
Samples = Mapping[Kind, Sequence[Sample]]


class RunningSide(Protocol):
    """A side that is ready to judge."""

    @property
    def ready_s(self) -> float:
        """Seconds from its start until it was ready."""

    def work(self, kind: Kind, n_callers: int, seconds: float) -> tuple[Work, list[float]]:
        """Judge memes for so long; what was done, and the seconds that each of them took."""

    def resident_mib(self) -> float:
        """Memory of all its processes."""


@dataclass(frozen=True)
class HttpSide:
    """A server, and the requests that it is sent."""

    server: RunningServer
    requests: Mapping[Kind, Sequence[bytes]]

    @property
    def ready_s(self) -> float:
        """Seconds until it first said so."""
        return self.server.ready_s

    def work(self, kind: Kind, n_callers: int, seconds: float) -> tuple[Work, list[float]]:
        """Callers who each ask for the next verdict when they have theirs; all must be answered with 200."""
        began, cpu_s = time.perf_counter(), family_cpu_s(self.server.pid)
        tally = asyncio.run(in_turns(self.server.port, self.requests[kind], n_callers, for_seconds(seconds)))
        wall_s = time.perf_counter() - began
        if set(tally.statuses) != {200} or tally.without_answer:
            raise SystemExit(f"a server answered {tally.statuses} and {dict(tally.without_answer)}, not only 200")
        done = Work(n=tally.n(200), wall_s=wall_s, cpu_s=family_cpu_s(self.server.pid) - cpu_s)
        return done, tally.seconds[200]

    def ask_each(self, kind: Kind) -> None:
        """Have every meme judged once."""
        left = iter(self.requests[kind])
        asyncio.run(in_turns(self.server.port, self.requests[kind], 1, lambda: next(left, None) is not None))

    def model(self) -> dict[str, Any]:
        """What our server says that it judges with."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/readyz", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)["model"]
        return found

    def resident_mib(self) -> float:
        """Of supervisor and workers."""
        return sum(resident_mib(pid) for pid in family(self.server.pid))


@dataclass(frozen=True)
class LibrarySide:
    """A loop over ``Scorer.score`` in a process that is told what to do through a pipe."""

    pid: int
    pipe: Connection
    ready_s: float

    def work(self, kind: Kind, n_callers: int, seconds: float) -> tuple[Work, list[float]]:
        """``n_callers`` is of no matter: there are none."""
        self.pipe.send((kind, seconds))
        n, wall_s, cpu_s = self.pipe.recv()
        return Work(n=n, wall_s=wall_s, cpu_s=cpu_s), [wall_s / n]

    def resident_mib(self) -> float:
        """Of its one process."""
        return resident_mib(self.pid)


@dataclass(frozen=True)
class Starter:
    """Starts sides on ``cores``. ``november`` is a checkout of the older commit; ``is_small`` is for tests.

    Settings in the environment hold for this checkout's sides alone.
    """

    folder: Path
    samples: Samples
    cores: Sequence[int]
    november: Path
    is_small: bool = False

    def start(self, name: str, n_processes: int) -> AbstractContextManager[RunningSide]:
        """One of ``TITLES`` with so many processes, pinned to as many cores; idle when it is given."""
        if name == BARE:
            return self._library()
        return self._http(name, n_processes)

    @contextmanager
    def cached(self) -> Iterator[HttpSide]:
        """This checkout's server as it is by default: with its cache."""
        environment = os.environ | {"MEMEGUARD_CACHE_ITEMS": "10000"}
        with ExitStack() as stack:
            with pinned({self.cores[0]}):
                server = stack.enter_context(served(self._new_folder(), 1, 1, "rapidocr", environment=environment))
            yield HttpSide(server, self._requests())

    @contextmanager
    def _http(self, name: str, n_processes: int) -> Iterator[HttpSide]:
        with ExitStack() as stack:
            with pinned(set(self.cores[:n_processes])):
                server = stack.enter_context(self._server(name, n_processes))
            wait_until_idle(server.pid)  # of several workers the first to be ready says so
            yield HttpSide(server, self._requests())

    def _server(self, name: str, n_processes: int) -> AbstractContextManager[RunningServer]:
        folder = self._new_folder()
        if name == NOW:
            return served(folder, 1, n_processes, "rapidocr")
        plain = {key: value for key, value in os.environ.items() if not key.startswith("MEMEGUARD_")}
        if name == NOVEMBER:
            checkout = self.november
            return served(folder, 1, n_processes, "rapidocr", environment=plain, checkout=checkout)
        port = free_port()
        command = ["-m", "uvicorn", "--factory", "benchmarks.throughput.usual_server:app", "--port", str(port)]
        command += ["--workers", str(n_processes), "--no-access-log"]
        chosen = {"BENCHMARK_OCR": name, "BENCHMARK_CLIP": "tiny" if self.is_small else "base"}
        return python_server(command, port, folder / "server.log", plain | chosen)

    @contextmanager
    def _library(self) -> Iterator[LibrarySide]:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_loop, args=(theirs, self.samples), daemon=True)
        began = time.monotonic()
        with pinned({self.cores[0]}):
            process.start()
        ours.recv()
        yield LibrarySide(process.pid or 0, ours, time.monotonic() - began)
        ours.send(None)
        process.join(timeout=60)

    def _requests(self) -> dict[Kind, list[bytes]]:
        return {kind: [request_with_words(*one) for one in samples] for kind, samples in self.samples.items()}

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))


def november_checkout(folder: Path) -> Path:
    """The rooms of the older commit, taken from this checkout's history."""
    archive = folder / "november.tar"
    command = ["git", "-C", str(ROOT), "archive", f"--output={archive}", COMMIT, *_ROOMS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"commit {COMMIT} is not in this checkout's history ({done.stderr.strip()}); fetch it all with `git fetch "
            "--unshallow`, or give a folder that holds that commit with --november"
        )
    checkout = folder / "november"
    checkout.mkdir()
    with tarfile.open(archive) as files:
        files.extractall(checkout, filter="data")
    archive.unlink()
    return checkout


def _loop(pipe: Connection, samples: Samples) -> None:
    """In a process of its own: judge what it is told to until it is told to end."""
    settings = from_env(os.environ | {"MEMEGUARD_LEDGER_URL": "none", "MEMEGUARD_THREADS": "1"})
    scorer = AppState.open(settings).classifier.scorer  # as the server makes it, and with all networks loaded
    pipe.send(None)
    while (told := pipe.recv()) is not None:
        kind, seconds = told
        given, n = samples[kind], 0
        more = for_seconds(seconds)
        began, cpu_s = time.perf_counter(), time.process_time()
        while more():
            chunk = [given[at % len(given)] for at in range(n, n + _CHUNK)]
            scorer.score(Meme.from_bytes(picture, text=words or None) for picture, words in chunk)
            n += _CHUNK
        pipe.send((n, time.perf_counter() - began, time.process_time() - cpu_s))
