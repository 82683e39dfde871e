"""What keeping every decision costs: verdicts a second with the ledger and without, in one process, taking turns.

    python -m benchmarks.ledger --seconds 3 --rounds 10 [--url postgresql://...]

``pictures`` and ``comments`` go through the whole pipeline; ``reused`` takes judgements from the cache, so that nearly
all that is left is waiting for the ledger, which flushes every commit to the disk. There is no HTTP in between. Below
the table: how many bytes a SQLite ledger takes for a decision, without words and pictures and with them.
"""

import argparse
import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    """The parts of one worker, and how much they did; ``n_kept`` are all rows, those of the warm-up too."""

    state: AppState
    n: int = 0
    n_kept: int = 0
    seconds: float = 0.0

    async def work(self, items: list[ClassifyInput], n_callers: int, seconds: float) -> None:
        """Callers who each ask for the next verdict when they have theirs."""
        started = time.perf_counter()
        classifier = self.state.classifier

        async def calls() -> None:
            while time.perf_counter() - started < seconds:
                self.n += 1
                self.n_kept += 1
                context = RequestContext("0" * 32, time.monotonic() + 60, "benchmark")
                await classifier.classify(items[self.n % len(items)], context, classifier.policies.get(None))

        await asyncio.gather(*(calls() for _ in range(n_callers)))
        self.seconds += time.perf_counter() - started


async def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Print a table. Returns verdicts a second that were kept, by what was judged, and the bytes of one."""
    scorer = load(ocr="none")
    found: dict[str, float] = {}
    comments = [ClassifyInput(None, f"{words} {n}") for n, words in enumerate(_WORDS * 2)]
    print("| what | verdicts a second, ledger off | on | ratio | words and pictures kept | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, items, cache_items in (
        ("pictures", list(_memes()), 0),
        ("comments", comments, 0),
        ("reused", comments, 100),
    ):
        files = (folder / f"{name}.db", folder / f"{name}-kept.db")
        sides = _sides(scorer, cache_items, [arguments.url or f"sqlite:///{file}" for file in files])
        await _take_turns(sides, items, arguments)
        off, *on = (side.n / side.seconds for side in sides)
        print(f"| {name} | {off:.1f} | {' | '.join(f'{rate:.1f} | {rate / off:.2f}' for rate in on)} |")
        found[name] = on[0]
        if not arguments.url:
            found[f"{name}_bytes"], found[f"{name}_kept_bytes"] = map(file_bytes, files, sides[1:])
    return found


def _sides(scorer: Scorer, cache_items: int, urls: list[str]) -> list[Side]:
    """Without a ledger, with one, and with one that keeps words and pictures."""
    return [
        Side(_app_state(scorer, cache_items, ledger_url="none")),
        Side(_app_state(scorer, cache_items, ledger_url=urls[0])),
        Side(_app_state(scorer, cache_items, ledger_url=urls[1], ledger_store_text=True, ledger_store_pictures=True)),
    ]


def file_bytes(file: Path, side: Side) -> float:
    """What the ledger's files take for one decision."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / side.n_kept


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
    parser.add_argument("--out", type=Path, help="numbers as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(arguments, Path(folder)))
    for name in [name for name in found if name.endswith("_bytes")]:
        print(f"\n{name.replace('_', ' ')} of the ledger's file for one decision: {found[name]:.0f}")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps({name: round(value, 1) for name, value in found.items()}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
