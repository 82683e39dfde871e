"""Queueing of a fleet of workers at 70, 90 and 110% of what they can judge, simulated; and a real server beside it.

    python -m benchmarks.fleet --speed docs/speed.json --kind ocr --workers 16
    taskset -c 0,1 python -m benchmarks.fleet --beside-server --kind words --seconds 120 --max-pending 16

Memes come by chance (Poisson) and take times drawn from measured ones: of requests on an idle server, made shorter or
longer so that their mean is what a meme takes when the server is never idle. The first command takes both from a run of
``benchmarks.speed``. The second measures both on a server that it starts, with one worker, one thread and one core;
sends it memes at the same moments as the simulation gets them; and prints what came of either. It needs a quiet
machine. How the simulated servers queue, batch and refuse stands in ``queueing.py``.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.load_generator import Tally, at_moments, for_seconds, in_turns
from benchmarks.pages import write_section
from benchmarks.queueing import Fleet, Floats, Outcome, poisson_moments, simulate
from benchmarks.server_process import RunningServer, end_with_servers, pinned, served
from benchmarks.serving import meme_samples, request_with_words
from benchmarks.throughput.document import KINDS, NOW, Document, Kind
from benchmarks.throughput.report import per_core
from training.evaluation.report.markdown import markdown_table

LOADS = (0.7, 0.9, 1.1)
_CALLERS = 4
_PACE_ROUNDS = 4
_REFUSED = 503


@dataclass(frozen=True)
class Pace:
    """What one thread does: memes a second when it never waits, and times of single requests to draw from."""

    per_s: float
    alone_s: Sequence[float]

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """Times of ``n`` memes, whose mean is that of a thread that never waits."""
        shape = np.asarray(self.alone_s) / np.mean(self.alone_s)
        return rng.choice(shape, size=n) / self.per_s


@dataclass(frozen=True)
class Row:
    """What came of one load; ``waits_s`` only where they can be seen."""

    what: str
    load: float
    utilisation: float | None
    waits_s: Sequence[float] | None
    times_s: Sequence[float]
    refused_share: float


def pace_of(found: Document, kind: Kind) -> Pace:
    """Of this checkout's server in a run of ``benchmarks.speed``."""
    run = found.side(NOW).runs[1]
    return Pace(per_core(run.busy[kind]), run.alone_s[kind])


def simulated(fleet: Fleet, pace: Pace, duration_s: float, seed: int = 0) -> Iterator[Row]:
    """Each load on such a fleet for so long."""
    for load in LOADS:
        rng = np.random.default_rng(seed)
        moments_s = poisson_moments(load * fleet.workers * fleet.threads * pace.per_s, duration_s, rng)
        yield _simulated_row(fleet, load, simulate(fleet, moments_s, pace.draw(len(moments_s), rng), rng))


def beside_server(
    server: RunningServer, requests: Sequence[bytes], fleet: Fleet, duration_s: float, pace_s: float
) -> Iterator[Row]:
    """Each load on a server of one worker with one thread, and simulated with the same arrivals.

    The server's pace is measured before, in ``pace_s`` seconds.
    """
    pace = _pace(server, requests, pace_s / (2 * _PACE_ROUNDS))
    for load in LOADS:
        rng = np.random.default_rng(0)
        moments_s = poisson_moments(load * pace.per_s, duration_s, rng)
        yield _server_row(load, asyncio.run(at_moments(server.port, requests, moments_s.tolist())))
        yield _simulated_row(fleet, load, simulate(fleet, moments_s, pace.draw(len(moments_s), rng), rng))


def _pace(server: RunningServer, requests: Sequence[bytes], turn_s: float) -> Pace:
    """Measured in turns of four callers and one."""
    asyncio.run(in_turns(server.port, requests, _CALLERS, for_seconds(1.0)))
    alone, per_s = Tally(), []
    for _ in range(_PACE_ROUNDS):
        per_s.append(asyncio.run(_timed(server, requests, _CALLERS, turn_s))[1])
        alone.add(asyncio.run(_timed(server, requests, 1, turn_s))[0])
    return Pace(float(np.median(per_s)), alone.seconds[200])


async def _timed(
    server: RunningServer, requests: Sequence[bytes], n_callers: int, turn_s: float
) -> tuple[Tally, float]:
    """What came back in one turn, and how much of it a second."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    tally = await in_turns(server.port, requests, n_callers, for_seconds(turn_s))
    return tally, tally.n(200) / (loop.time() - began_s)


def _simulated_row(fleet: Fleet, load: float, outcome: Outcome) -> Row:
    used = outcome.utilisation(fleet)
    return Row("simulated", load, used, outcome.waits_s, outcome.times_s, outcome.refused_share)


def _server_row(load: float, tally: Tally) -> Row:
    n_all = sum(tally.statuses.values())
    if set(tally.statuses) - {200, _REFUSED} or tally.without_answer:
        raise SystemExit(f"the server answered {tally.statuses} and {dict(tally.without_answer)}")
    return Row("measured", load, None, None, tally.seconds.get(200, []), tally.n(_REFUSED) / max(1, n_all))


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    columns = ("load", "", "utilisation", "wait p50 / p99", "wait and work p50 / p99", "refused")
    return markdown_table(columns, map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.load:.0%}",
        row.what,
        "" if row.utilisation is None else f"{row.utilisation:.0%}",
        "" if row.waits_s is None else _quantiles(row.waits_s),
        _quantiles(row.times_s),
        f"{row.refused_share:.1%}",
    )


def _quantiles(seconds: Sequence[float]) -> str:
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) if len(seconds) else (np.nan, np.nan)
    return f"{p50:.2f} / {p99:.2f} s"


def main(argv: list[str] | None = None) -> None:
    """Simulate from measured times, or beside a server."""
    arguments = _arguments(argv)
    text = table(_beside_server(arguments) if arguments.speed is None else _of_run(arguments))
    print(text)
    if arguments.page is not None:
        write_section(arguments.page, "fleet", text)


def _of_run(arguments: argparse.Namespace) -> list[Row]:
    pace = pace_of(Document.read(arguments.speed), arguments.kind)
    fleet = Fleet(workers=arguments.workers, max_pending=arguments.max_pending, timeout_s=arguments.timeout)
    return list(simulated(fleet, pace, arguments.seconds))


def _beside_server(arguments: argparse.Namespace) -> list[Row]:
    fleet = Fleet(max_pending=arguments.max_pending, timeout_s=arguments.timeout)
    room = {"MEMEGUARD_MAX_PENDING": str(fleet.max_pending), "MEMEGUARD_MAX_ITEMS": "1"}
    environment = os.environ | room | {"MEMEGUARD_REQUEST_TIMEOUT_S": str(fleet.timeout_s)}
    read = arguments.kind == "ocr"
    requests = [request_with_words(picture, "" if read else words) for picture, words in meme_samples()]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        with pinned({min(os.sched_getaffinity(0))}):
            server = stack.enter_context(served(Path(folder), 1, 1, "rapidocr", environment=environment))
        return list(beside_server(server, requests, fleet, arguments.seconds, arguments.pace_seconds))


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--speed", type=Path, help="JSON of a run of benchmarks.speed")
    source.add_argument("--beside-server", action="store_true", help="measure a server of one worker as well")
    parser.add_argument("--kind", choices=KINDS, default="ocr")
    parser.add_argument("--workers", type=int, default=1, help="processes of one core each")
    parser.add_argument("--max-pending", type=int, default=64, help="memes that a worker takes on")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds that a request has")
    parser.add_argument("--seconds", type=float, default=3600.0, help="of each load")
    parser.add_argument("--pace-seconds", type=float, default=32.0, help="in which a real server's pace is measured")
    parser.add_argument("--page", type=Path, help="a page whose section `fleet` the table is written into")
    return parser.parse_args(argv)


if __name__ == "__main__":
    end_with_servers()
    main()
