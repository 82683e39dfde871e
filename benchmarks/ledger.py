"""What keeping every decision costs: verdicts a second with the ledger and without, in one process, taking turns.

    python -m benchmarks.ledger --seconds 3 --rounds 10 [--url postgresql://...]

``pictures`` and ``comments`` go through the whole pipeline; ``reused`` takes judgements from the cache, so that nearly
all that is left is waiting for the ledger, which flushes every commit to the disk. There is no HTTP in between.
"""

import argparse
import asyncio
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model import Scorer, load
from serving.app_state import AppState
from serving.requests.classify_body import ClassifyInput
from serving.requests.context import RequestContext
from serving.settings import Settings
from training.data.meme_renderer import STYLES, render_meme

_WORDS = ("when the code works", "nobody knows why", "on the first try", "monday again")
_N_MEMES = 8


@dataclass
class Side:
    """The parts of one worker, and how much they did."""

    state: AppState
    n: int = 0
    seconds: float = 0.0

    async def work(self, items: list[ClassifyInput], n_callers: int, seconds: float) -> None:
        """Callers who each ask for the next verdict when they have theirs."""
        started = time.perf_counter()
        classifier = self.state.classifier

        async def calls() -> None:
            while time.perf_counter() - started < seconds:
                self.n += 1
                context = RequestContext("0" * 32, time.monotonic() + 60, "benchmark")
                await classifier.classify(items[self.n % len(items)], context, classifier.policies.get(None))

        await asyncio.gather(*(calls() for _ in range(n_callers)))
        self.seconds += time.perf_counter() - started


async def measure(arguments: argparse.Namespace, folder: str) -> None:
    """Print a table."""
    scorer = load(ocr="none")
    url = arguments.url or f"sqlite:///{folder}/ledger.db"
    comments = [ClassifyInput(None, f"{words} {n}") for n, words in enumerate(_WORDS * 2)]
    print("| what | verdicts a second, ledger off | on | ratio | words and pictures kept | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, items, cache_items in (
        ("pictures", list(_memes()), 0),
        ("comments", comments, 0),
        ("reused", comments, 100),
    ):
        sides = [
            Side(_app_state(scorer, cache_items, ledger_url="none")),
            Side(_app_state(scorer, cache_items, ledger_url=url)),
            Side(_app_state(scorer, cache_items, ledger_url=url, ledger_store_text=True, ledger_store_pictures=True)),
        ]
        await _take_turns(sides, items, arguments)
        off, *on = (side.n / side.seconds for side in sides)
        print(f"| {name} | {off:.1f} | {' | '.join(f'{rate:.1f} | {rate / off:.2f}' for rate in on)} |")


async def _take_turns(sides: list[Side], items: list[ClassifyInput], arguments: argparse.Namespace) -> None:
    for side in sides:
        await side.state.start()
        await side.work(items, arguments.callers, 2.0)
        side.n, side.seconds = 0, 0.0
    for _ in range(arguments.rounds):
        for side in sides:
            await side.work(items, arguments.callers, arguments.seconds)
    for side in sides:
        await side.state.stop()


def _app_state(scorer: Scorer, cache_items: int, **settings: object) -> AppState:
    return AppState(Settings.model_validate({"ocr": "none", "cache_items": cache_items} | settings), scorer)


def _memes() -> Iterator[ClassifyInput]:
    for seed in range(_N_MEMES):
        words = _WORDS[seed % len(_WORDS)]
        file = io.BytesIO()
        meme = render_meme(None, [words], style=STYLES[seed % len(STYLES)], rng=np.random.default_rng(seed))
        meme.image.save(file, "JPEG")
        yield ClassifyInput(file.getvalue(), words)


def main() -> int:
    """Parse flags and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each side in each round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--callers", type=int, default=16, help="who ask at once")
    parser.add_argument("--url", help="ledger; default: a new SQLite file")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(parser.parse_args(), folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
