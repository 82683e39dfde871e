"""What a batch run makes of the cores it has, and how much memory it takes: the tables of docs/batch.md.

    python -m benchmarks.batch --out batch.json

Two parts, on the cores that this process may use (``taskset``), in one run:

- speed: one and two workers of ``memeguard batch``, and two on Ray, against a plain loop over the library:
  ``Scorer.score`` in one process, on memes read from disk in chunks, with as many threads as the workers have cores
  together. A worker is a process with one core. They take turns, so that a busy machine slows all; the ratios are those
  of the rates over all rounds. Loading the model is not counted: the clock runs from the first rows to the last. Once
  with the words supplied, once with words that OCR reads.
- memory: ``memeguard batch`` with two workers over N items and over 10 N: the largest sum, over driver and workers, of
  resident memory (pages that processes share count for each) and of proportional memory (they count once). One item in
  100 has a picture and the others are words alone, which go through in minutes: what would grow with the input is the
  same for both.

Pictures are a few hundred small rendered memes, which rows name again and again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from benchmarks.batch_memes import draw, words_of, write_table
from benchmarks.server_process import family, resident_mib
from model import Meme, load
from serving.batch.run import BatchOptions, ProgressCallbacks, run_batch

_N_PICTURES = 300
#: Rows that are scored, written and told of at once.
_PORTION = 8
_PICTURE_EVERY = 100
_SAMPLE_EVERY_S = 0.2
LOOP_1, WORKER_1, LOOP_2, WORKERS_2 = "loop, 1 core", "1 worker", "loop, 2 cores", "2 workers"
RAY_2 = "2 workers, Ray"
SIDES = (LOOP_1, WORKER_1, LOOP_2, WORKERS_2, RAY_2)
Row = dict[str, str]


@dataclass(frozen=True)
class Peak:
    """Memory of driver and workers together, in MiB, at its largest."""

    n_items: int
    resident_mib: float
    proportional_mib: float
    seconds: float


def main() -> None:
    """Run both parts and print their tables."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = draw(folder / "pictures", _N_PICTURES)
        found = {
            what: rates(folder, item_rows(pictures, n_items, words=what == "text"), arguments.rounds)
            for what, n_items in (("text", arguments.items), ("ocr", arguments.ocr_items))
            if n_items
        }
        sizes = (arguments.memory_items, 10 * arguments.memory_items) if arguments.memory_items else ()
        peaks = [_peak(folder, item_rows(pictures, n, words=True, every=_PICTURE_EVERY)) for n in sizes]
    for what, by_side in found.items():
        print(_speed_table(what, by_side))
    print(_memory_table(peaks))
    if arguments.out is not None:
        document = {"speed": found, "memory": [asdict(peak) for peak in peaks]}
        arguments.out.write_text(json.dumps(document, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=240, help="of each side in each round, with words; 0: none")
    parser.add_argument("--ocr-items", type=int, default=80, help="the same with OCR")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--memory-items", type=int, default=10_000, help="of the smaller run; 0: none")
    parser.add_argument("--out", type=Path, help="numbers as JSON")
    return parser.parse_args()


def item_rows(pictures: Sequence[Path], n_items: int, *, words: bool, every: int = 1) -> Iterator[Row]:
    """Rows of which one in ``every`` has a picture."""
    for number in range(n_items):
        row = {"id": f"item-{number}"}
        if number % every == 0:
            row["image"] = str(pictures[number // every % len(pictures)])
        if words:
            row["text"] = words_of(number)
        yield row


def rates(folder: Path, rows: Iterable[Row], n_rounds: int, sides: Sequence[str] = SIDES) -> dict[str, list[float]]:
    """Items a second of each of the sides, by round; rows without words have them read."""
    items = list(rows)
    input = write_table(Path(tempfile.mkdtemp(dir=folder)) / "items.jsonl", items)
    ocr = "none" if "text" in items[0] else "rapidocr"
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(n_rounds):
        for side in sides:
            found[side].append(_rate(side, items, input, ocr))
            print(f"OCR {ocr}: {side}: {found[side][-1]:.2f} items/s", file=sys.stderr)
    return dict(found)


def _rate(side: str, items: Sequence[Row], input: Path, ocr: str) -> float:
    if side.startswith("loop"):
        return _loop(items, ocr, 1 if side == LOOP_1 else 2)
    engine: Literal["local", "ray"] = "ray" if side == RAY_2 else "local"
    out = Path(tempfile.mkdtemp(dir=input.parent)) / "out"
    return _batch(BatchOptions(str(input), out, engine, 1 if side == WORKER_1 else 2, ocr=ocr, partition_rows=_PORTION))


def _loop(items: Sequence[Row], ocr: str, threads: int) -> float:
    """What who uses the library would write."""
    scorer = load(ocr=ocr, threads=threads)
    ended = []
    for at in range(0, len(items), _PORTION):
        chunk = items[at : at + _PORTION]
        scorer.score([Meme.from_file(row["image"], text=row.get("text"), id=row["id"]) for row in chunk])
        ended.append(time.time())
    return _per_s(ended, 1)


def _batch(options: BatchOptions) -> float:
    run_batch(options, ProgressCallbacks(lambda *_: None, lambda _: None))
    # When shards were written: Ray tells of them in bursts.
    return _per_s([path.stat().st_mtime for path in options.out.glob("part-*.parquet")], options.workers)


def _per_s(ended: Sequence[float], n_workers: int) -> float:
    """Items a second, from when portions ended.

    The first portion of each worker, before which it loaded its model, is left out.
    """
    times = sorted(ended)
    return _PORTION * (len(times) - n_workers) / (times[-1] - times[n_workers - 1])


def _peak(folder: Path, rows: Iterator[Row]) -> Peak:
    input = write_table(folder / "memory.jsonl", rows)
    with input.open() as file:
        n_items = sum(1 for _ in file)
    out = folder / f"memory-{n_items}"
    began = time.perf_counter()
    options = ["--out", str(out), "--ocr", "none", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.cli", "batch", str(input), *options], stdout=subprocess.DEVNULL
    )
    samples = [(0.0, 0.0)]
    while process.poll() is None:
        samples.append(_memory_mib(process.pid))
        time.sleep(_SAMPLE_EVERY_S)
    if process.returncode:
        raise SystemExit(f"the run over {n_items} items failed")
    resident, proportional = (max(values) for values in zip(*samples, strict=True))
    return Peak(n_items, resident, proportional, time.perf_counter() - began)


def _memory_mib(pid: int) -> tuple[float, float]:
    """Resident and proportional memory of a process and those below it, as they are now."""
    resident = proportional = 0.0
    try:
        for member in family(pid):
            resident += resident_mib(member)
            proportional += _proportional_mib(member)
    except (OSError, IndexError):  # one of them ended; the next sample is near
        return 0.0, 0.0
    return resident, proportional


def _proportional_mib(pid: int) -> float:
    """Memory of a process in which a page that n processes share counts 1/n."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _speed_table(what: str, by_side: dict[str, list[float]]) -> str:
    means = {name: statistics.harmonic_mean(values) for name, values in by_side.items()}
    lines = [
        f"\n{'words supplied' if what == 'text' else 'words read by OCR'}, {len(os.sched_getaffinity(0))} cores\n",
        "| what | items/s | against 1 worker | against the loop on as many cores |",
        "|---|---:|---:|---:|",
    ]
    for name, rate in means.items():
        loop = means[LOOP_1 if name == WORKER_1 else LOOP_2]
        against = "" if name.startswith("loop") else f"{rate / loop:.2f}"
        lines.append(f"| {name} | {rate:.2f} | {rate / means[WORKER_1]:.2f} | {against} |")
    return "\n".join(lines)


def _memory_table(peaks: Sequence[Peak]) -> str:
    lines = [
        "\n| items | resident, MiB | proportional, MiB | against the first | time, s |",
        "|---:|---:|---:|---:|---:|",
    ]
    for peak in peaks:
        ratio = (
            f"{peak.resident_mib / peaks[0].resident_mib:.2f}, {peak.proportional_mib / peaks[0].proportional_mib:.2f}"
        )
        lines.append(
            f"| {peak.n_items:,} | {peak.resident_mib:.0f} | {peak.proportional_mib:.0f} | {ratio} "
            f"| {peak.seconds:.0f} |"
        )
    return "\n".join(lines) if peaks else ""


if __name__ == "__main__":
    main()
