"""What a hostile request costs, and what others who ask meanwhile see of it: the table of docs/operate.md.

    python -m benchmarks.hostile --seconds 20

For each kind of input (``hostile_inputs.py``): the answer and the seconds of CPU time that the server spends on one
such request alone. Then, in one run and on one server, others ask for what is ordinary (words alone; a small meme with
its words; a small meme to be read), first without and then beside two callers who send nothing but that kind. ``wait``
is how much longer the longest of their requests took than the longest without. Last, SIGTERM while every kind is under
way: how long the server takes to end.

Exit status 1 when an ordinary request gets another answer than 200, waits more than ``--most-wait`` seconds longer, a
request costs more than ``--most-cpu`` seconds, or the server ends later than its grace.
"""

import argparse
import asyncio
import http.client
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hostile_inputs import HostileInput, hostile_inputs
from benchmarks.load_generator import Tally, for_seconds, http_request, in_turns
from benchmarks.server_process import RunningServer, family_cpu_s, served, wait_until_idle
from benchmarks.serving import meme_samples, request_with_words

_GRACE_S = 30.0
_HOSTILE_CALLERS = 2


@dataclass(frozen=True)
class Row:
    """What one kind of input does."""

    given: HostileInput
    answer: str
    cpu_s: float
    others: Tally
    wait_s: float


def main() -> int:
    """Run every kind and print the table."""
    arguments = _arguments()
    kinds = [one for one in hostile_inputs() if arguments.kind in one.kind]
    ordinary = _ordinary()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), arguments.threads, 1, ocr="rapidocr") as server:
        asyncio.run(in_turns(server.port, ordinary, 2, for_seconds(3.0)))
        rows = []
        for given in kinds:
            rows.append(_row(server, given, ordinary, arguments.seconds))
            print(_line(rows[-1]), flush=True)
        stopped_s = _seconds_to_stop(server, kinds)
    print(f"\nSIGTERM while every kind was under way: ended after {stopped_s:.1f} s (grace {_GRACE_S:g} s)")
    return 0 if _holds(rows, stopped_s, arguments) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of ordinary requests without, and with each kind")
    parser.add_argument("--threads", type=int, default=1, help="cores that one meme may use")
    parser.add_argument("--kind", default="", help="only kinds whose name holds this")
    parser.add_argument("--most-wait", type=float, default=2.0)
    parser.add_argument("--most-cpu", type=float, default=25.0)
    return parser.parse_args()


def _ordinary() -> list[bytes]:
    """Words alone, a meme with its words, and a meme to be read, in turns."""
    requests = []
    for picture, words in meme_samples(4):
        requests.append(http_request(json.dumps({"text": words}).encode(), "application/json"))
        requests.append(request_with_words(picture, words))
        requests.append(request_with_words(picture, ""))
    return requests


def _row(server: RunningServer, given: HostileInput, ordinary: Sequence[bytes], seconds: float) -> Row:
    answer, cost_s = _alone(server, given)
    without = asyncio.run(in_turns(server.port, ordinary, 2, for_seconds(seconds)))
    others = asyncio.run(_beside(server, given, ordinary, seconds))
    wait_until_idle(server.pid)
    return Row(given, answer, cost_s, others, _longest(others) - _longest(without))


def _alone(server: RunningServer, given: HostileInput) -> tuple[str, float]:
    """The answer to one such request, and what it cost."""
    before_s = family_cpu_s(server.pid)
    answer = _answer(server, given)
    wait_until_idle(server.pid)
    return answer, family_cpu_s(server.pid) - before_s


def _answer(server: RunningServer, given: HostileInput) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        connection.request("POST", "/v1/classify", given.body, {"Content-Type": given.content_type})
        answer = connection.getresponse()
        document = json.load(answer)
    finally:
        connection.close()
    return _told(document) if answer.status == 200 else f"{answer.status} {document['code']}"


def _told(verdict: dict[str, Any]) -> str:
    picture = verdict["picture"] or {"status": "none"}
    return f"200 {verdict['decision']}, text {verdict['text']['status']}, picture {picture['status']}"


async def _beside(server: RunningServer, given: HostileInput, ordinary: Sequence[bytes], seconds: float) -> Tally:
    ends = for_seconds(seconds)
    hostile = [http_request(given.body, given.content_type)]
    calls = asyncio.create_task(in_turns(server.port, hostile, _HOSTILE_CALLERS, ends))
    await asyncio.sleep(0.2)
    others = await in_turns(server.port, ordinary, 2, ends)
    await calls
    return others


def _seconds_to_stop(server: RunningServer, kinds: Sequence[HostileInput]) -> float:
    async def under_way() -> float:
        requests = [http_request(given.body, given.content_type) for given in kinds]
        calls = [asyncio.create_task(in_turns(server.port, [one], 1, for_seconds(0.5))) for one in requests]
        await asyncio.sleep(2.0)
        started = time.monotonic()
        server.terminate()
        ended_s = await asyncio.to_thread(server.wait, 4 * _GRACE_S) - started
        await asyncio.gather(*calls)
        return ended_s

    return asyncio.run(under_way())


def _longest(tally: Tally) -> float:
    return max((max(seconds) for seconds in tally.seconds.values()), default=0.0)


def _line(row: Row) -> str:
    statuses = ", ".join(f"{n} x {status}" for status, n in row.others.statuses.items())
    return (
        f"| {row.given.kind} | {row.given.n_bytes:,} | {row.answer} | {row.cpu_s:.1f} s | {row.wait_s:+.1f} s "
        f"| {statuses} |"
    )


def _holds(rows: Sequence[Row], stopped_s: float, arguments: argparse.Namespace) -> bool:
    answered = all(set(row.others.statuses) == {200} and not row.others.without_answer for row in rows)
    bounded = all(row.wait_s <= arguments.most_wait and row.cpu_s <= arguments.most_cpu for row in rows)
    return answered and bounded and stopped_s <= _GRACE_S + 5


if __name__ == "__main__":
    sys.exit(main())
