"""What the service costs, and what it does when far too much is asked of it: the numbers of docs/operate.md.

    python -m benchmarks.serving --seconds 5 --rounds 20 --overload-seconds 60

Three parts, on the cores that this process may use (``taskset``), in one run:

- bare: ``Scorer.score`` in this process, from picture bytes and given words to verdicts.
- served: the same memes over HTTP, from a few callers who each wait for their answer. Bare and served take turns, so
  that a busy machine slows both; the ratio of memes a second is what the service leaves of the pipeline. Many short
  rounds tell more than few long ones where the speed of the machine changes.
- overload: requests at ten times the served rate, whether they are answered or not. Nothing but 200, 429 and 503 may
  come back, those accepted in bounded time, and the server's memory may not grow.

The server is started as an operator starts it, with its ledger, but without the cache, which would answer memes that
come again. The caller is light (``load_generator.py``), and still it runs on the same cores: the ratio includes it.
Exit status 1 when something came back that may not.
"""

import argparse
import asyncio
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.load_generator import Tally, at_rate, for_seconds, http_request, in_turns
from benchmarks.server_process import family, resident_mib, served
from model import Meme, Scorer, load
from training.data.meme_renderer import STYLES, render_meme

_N_MEMES = 64
_WORDS = (
    "when",
    "the",
    "tests",
    "pass",
    "at",
    "once",
    "and",
    "nobody",
    "knows",
    "why",
    "so",
    "we",
    "ship",
    "it",
    "on",
    "friday",
    "evening",
    "before",
    "a",
    "holiday",
)
_BOUNDARY = "benchmark-5b1c"
_ALLOWED = frozenset({200, 429, 503})
Sample = tuple[bytes, str]


@dataclass
class Side:
    """Memes judged, in which time."""

    n_memes: int = 0
    seconds: float = 0.0
    rates: list[float] = field(default_factory=list)

    def add(self, n_memes: int, seconds: float) -> None:
        """Count a round."""
        self.n_memes += n_memes
        self.seconds += seconds
        self.rates.append(n_memes / seconds)

    @property
    def per_s(self) -> float:
        """Memes a second."""
        return self.n_memes / self.seconds


@dataclass
class Memory:
    """Resident memory of the server and its workers, in MiB, sampled while it works."""

    pid: int
    samples_mib: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Sample once a second until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(1.0)

    def sample(self) -> None:
        """Add up the processes as they are now."""
        self.samples_mib.append(sum(resident_mib(pid) for pid in family(self.pid)))


def main() -> int:
    """Run all parts and print their tables."""
    arguments = _arguments()
    samples = list(meme_samples())
    requests = [request_with_words(*sample) for sample in samples]
    scorer = load(ocr="none", threads=arguments.threads)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), arguments.threads, arguments.workers) as server:
        bare, over_http, tally = _take_turns(scorer, samples, server.port, requests, arguments)
        print(_throughput_table(bare, over_http, tally, arguments))
        memory = Memory(server.pid)
        rate = arguments.overload * over_http.per_s
        flood = asyncio.run(at_rate(server.port, requests, rate, arguments.overload_seconds, memory.watch))
        memory.sample()
    print(_overload_table(flood, memory, rate))
    return 0 if set(flood.statuses) <= _ALLOWED and not flood.without_answer else 1


def _arguments() -> argparse.Namespace:
    n_cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each side in each round")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--callers", type=int, default=8, help="who ask at once in the served part")
    parser.add_argument("--threads", type=int, default=n_cores, help="of the network, on both sides")
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--overload", type=float, default=10.0, help="times the served rate")
    parser.add_argument("--overload-seconds", type=float, default=60.0)
    return parser.parse_args()


def meme_samples(n_memes: int = _N_MEMES) -> Iterator[Sample]:
    """Memes of 600 x 450 pixels as JPEG, with the words that are on them."""
    for seed in range(n_memes):
        rng = np.random.default_rng(seed)
        picture = _background(rng)
        words = " ".join(rng.permutation(_WORDS)[: rng.integers(4, 16)])
        yield _jpeg(render_meme(picture, [words], style=STYLES[seed % len(STYLES)], rng=rng).image), words


def textless_samples(n_pictures: int = _N_MEMES) -> Iterator[Sample]:
    """The pictures that the words of ``meme_samples`` are drawn on, without them."""
    for seed in range(n_pictures):
        yield _jpeg(_background(np.random.default_rng(seed))), ""


def _background(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(40, 200, size=(45, 60, 3), dtype=np.uint8)).resize((600, 450))


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def request_with_words(picture: bytes, words: str) -> bytes:
    """A request with a meme and its words; blank ones are not given, so that the picture is read."""
    parts = (("image", '; filename="meme.jpg"', picture), ("text", "", words.encode()))
    body = b"".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
        for name, file, content in parts
    )
    return http_request(body + f"--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}")


def _take_turns(
    scorer: Scorer, samples: Sequence[Sample], port: int, requests: Sequence[bytes], arguments: argparse.Namespace
) -> tuple[Side, Side, Tally]:
    bare, over_http, tally = Side(), Side(), Tally()
    _judge(scorer, samples, 1.0)
    asyncio.run(in_turns(port, requests, arguments.callers, for_seconds(1.0)))
    for _ in range(arguments.rounds):
        bare.add(*_judge(scorer, samples, arguments.seconds))
        started = time.perf_counter()
        round_tally = asyncio.run(in_turns(port, requests, arguments.callers, for_seconds(arguments.seconds)))
        over_http.add(round_tally.n(200), time.perf_counter() - started)
        tally.add(round_tally)
    return bare, over_http, tally


def _judge(scorer: Scorer, samples: Sequence[Sample], seconds: float) -> tuple[int, float]:
    started, n_judged = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        memes = [samples[at % len(samples)] for at in range(n_judged, n_judged + 8)]
        scorer.score(Meme.from_bytes(picture, text=words) for picture, words in memes)
        n_judged += len(memes)
    return n_judged, time.perf_counter() - started


def _throughput_table(bare: Side, over_http: Side, tally: Tally, arguments: argparse.Namespace) -> str:
    p50, p95, p99 = (_milliseconds(tally, 200, share) for share in (0.5, 0.95, 0.99))
    low, middle, high = np.quantile(np.array(over_http.rates) / bare.rates, (0.1, 0.5, 0.9))
    return "\n".join(
        [
            f"{arguments.workers} worker(s), {arguments.threads} thread(s), {arguments.callers} callers, "
            f"{arguments.rounds} x {arguments.seconds:g} s of each side, cores {sorted(os.sched_getaffinity(0))}",
            "",
            "| | memes a second | ratio | p50 | p95 | p99 |",
            "|---|---:|---:|---:|---:|---:|",
            f"| bare pipeline | {bare.per_s:.2f} | 1.00 | | | |",
            f"| served | {over_http.per_s:.2f} | {over_http.per_s / bare.per_s:.2f} | {p50} | {p95} | {p99} |",
            "",
            f"ratio of a round: {middle:.2f} at the median, {low:.2f} to {high:.2f} in eight of ten",
            "",
        ]
    )


def _overload_table(flood: Tally, memory: Memory, per_s: float) -> str:
    rows = [
        f"| {status} | {n} | {_milliseconds(flood, status, 0.5)} | {_milliseconds(flood, status, 0.99)} "
        f"| {_milliseconds(flood, status, 1.0)} |"
        for status, n in flood.statuses.items()
    ]
    rows += [f"| {what} | {n} | | | |" for what, n in flood.without_answer.items()]
    first, *_, last = memory.samples_mib
    return "\n".join(
        [
            f"{per_s:.0f} requests a second",
            "",
            "| answer | requests | p50 | p99 | longest |",
            "|---|---:|---:|---:|---:|",
            *rows,
            "",
            f"memory of the server: {first:.0f} MiB at the start, {max(memory.samples_mib):.0f} MiB at most, "
            f"{last:.0f} MiB at the end",
        ]
    )


def _milliseconds(tally: Tally, status: int, share: float) -> str:
    seconds = tally.seconds.get(status)
    return f"{np.quantile(seconds, share) * 1000:.0f} ms" if seconds else ""


if __name__ == "__main__":
    sys.exit(main())
