"""What a day of a billion pictures costs, and what carries it: the numbers of docs/scale.md.

    python -m benchmarks.ledger --out docs/ledger.json
    python -m benchmarks.batch --memory-items 0 --out docs/batch.json
    python -m benchmarks.scale --speed docs/speed.json --ledger docs/ledger.json --batch docs/batch.json \\
        --page docs/scale.md

Every number is reckoned from what ``benchmarks.speed``, ``benchmarks.ledger`` and ``benchmarks.batch`` measured, and
from parameters: pictures a day, the share that the cache answers, the share without words on them, and the share of
time in which cores judge, which ``benchmarks.fleet`` shows the waiting times of.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import harmonic_mean

from benchmarks.batch import RAY_2, WORKERS_2
from benchmarks.fleet import pace_of, simulated, table
from benchmarks.pages import write_section
from benchmarks.queueing import Fleet
from benchmarks.throughput.document import KINDS, NOW, Document
from benchmarks.throughput.report import core_seconds
from serving.batch.run import BatchOptions
from training.evaluation.report.markdown import markdown_table

_DAY_S, _HOUR_S = 86_400.0, 3600.0
#: Of the simulated fleet.
_WORKERS = 16


@dataclass(frozen=True)
class Costs:
    """Seconds of a core for one picture of each kind, as they were measured."""

    ocr_s: float
    textless_s: float
    words_s: float
    repeat_s: float

    def mean_s(self, hits: float, textless: float) -> float:
        """Of a stream of which the cache answers ``hits``, and of the rest ``textless`` has no words on it."""
        return hits * self.repeat_s + (1 - hits) * (textless * self.textless_s + (1 - textless) * self.ocr_s)


@dataclass(frozen=True)
class Stream:
    """Pictures a day, the share of time in which a core judges, and shares that may be of what the cache answers.

    ``hits`` are such shares, ``textless`` shares of the rest that have no words on them. Where one case is to stand for
    all, it is that of the middle of either.
    """

    per_day: float = 1e9
    use: float = 0.7
    hits: tuple[float, ...] = (0.0, 0.3, 0.6)
    textless: tuple[float, ...] = (0.0, 0.3, 0.6)

    @property
    def per_s(self) -> float:
        """On the mean of a day."""
        return self.per_day / _DAY_S

    @property
    def middle(self) -> tuple[float, float]:
        """Shares of the case that stands for all."""
        return self.hits[len(self.hits) // 2], self.textless[len(self.textless) // 2]

    def cores(self, core_s: float) -> float:
        """That judge them at ``core_s`` each."""
        return self.per_s * core_s / self.use


def costs_of(found: Document) -> Costs:
    """Of this checkout's server with one process."""
    by_kind = {kind: core_seconds(found.work(NOW, kind)) for kind in KINDS}
    return Costs(by_kind["ocr"], by_kind["textless"], by_kind["words"], core_seconds(found.repeats))


def measured_table(costs: Costs) -> str:
    """What it is all reckoned from."""
    rows = [
        ("its words are read by OCR", costs.ocr_s),
        ("has no words, OCR looks for them", costs.textless_s),
        ("its words are supplied", costs.words_s),
        ("was judged before: the cache answers", costs.repeat_s),
    ]
    return markdown_table(("a picture", "core-ms"), [(name, f"{seconds * 1000:.1f}") for name, seconds in rows])


def cost_table(costs: Costs, stream: Stream) -> str:
    """Core-hours of a day and the cores that they take, by both shares."""
    columns = ("the cache answers", *(f"without words: {share:.0%}" for share in stream.textless))
    return markdown_table(columns, [tuple(_cost_cells(costs, stream, share)) for share in stream.hits])


def _cost_cells(costs: Costs, stream: Stream, hits: float) -> Iterator[str]:
    yield f"{hits:.0%}"
    for share in stream.textless:
        core_s = costs.mean_s(hits, share)
        yield f"{stream.per_day * core_s / _HOUR_S:,.0f} core-hours, {stream.cores(core_s):,.0f} cores"


def carried_table(
    found: Document, costs: Costs, stream: Stream, ledger: dict[str, float], batch: dict[str, list[float]] | None
) -> str:
    """What the network, the ledger and a Ray cluster then carry."""
    kilobytes, bits_per_s = found.picture_bytes / 1000, stream.per_s * found.picture_bytes * 8
    rows = [
        ("pictures a second", f"{stream.per_s:,.0f}"),
        (f"network: pictures of {kilobytes:.0f} kB", f"{bits_per_s / 1e9:,.1f} Gbit/s"),
        *_ledger_rows(stream, ledger),
        *_ray_rows(stream, costs.mean_s(*stream.middle), batch),
    ]
    return markdown_table(("part", "carries"), rows)


def _ledger_rows(stream: Stream, ledger: dict[str, float]) -> Iterator[tuple[str, str]]:
    rate, row_bytes, kept_bytes = (ledger[name] for name in ("reused", "reused_bytes", "pictures_kept_bytes"))
    yield "ledger: rows that one worker was measured to keep", f"{rate:,.0f} a second"
    yield "ledger: such workers with a ledger each", f"{stream.per_s / rate:,.0f}"
    yield f"ledger: a day at {row_bytes:,.0f} bytes a row", f"{stream.per_day * row_bytes / 1e12:,.2f} TB"
    yield (
        f"ledger: a day at {kept_bytes:,.0f} bytes, words kept and pictures that come again kept once",
        f"{stream.per_day * kept_bytes / 1e12:,.2f} TB",
    )


def _ray_rows(stream: Stream, core_s: float, batch: dict[str, list[float]] | None) -> Iterator[tuple[str, str]]:
    rows = BatchOptions.partition_rows
    yield f"Ray: partitions of {rows} rows", f"{stream.per_s / rows:,.0f} a second"
    yield "Ray: seconds that a worker has one", f"{rows * core_s:,.0f}"
    if batch is not None:
        share = harmonic_mean(batch[RAY_2]) / harmonic_mean(batch[WORKERS_2])
        yield "Ray: two workers against two without it", f"{share:.2f}"
        yield "Ray: cores", f"{stream.cores(core_s) / share:,.0f}"


def render(
    found: Document, ledger: dict[str, float], batch: dict[str, list[float]] | None, stream: Stream, simulated_s: float
) -> str:
    """The whole section of the page."""
    costs, (hits, textless) = costs_of(found), stream.middle
    waits = simulated(Fleet(workers=_WORKERS), pace_of(found, "ocr"), simulated_s)
    return "\n".join(
        [
            f"Measured at {found.machine.commit} on {found.machine.processor}, one thread a process, no GPU:\n",
            measured_table(costs),
            f"{stream.per_day:,.0f} pictures a day, on cores that judge {stream.use:.0%} of the time:\n",
            cost_table(costs, stream),
            f"What carries it, where the cache answers {hits:.0%} and {textless:.0%} of the others have no words:\n",
            carried_table(found, costs, stream, ledger, batch),
            f"How long memes to be read wait for one of {_WORKERS} workers of one core, and how many are refused "
            f"({simulated_s:,.0f} s of each load, simulated):\n",
            table(list(waits)),
        ]
    )


def main(argv: list[str] | None = None) -> None:
    """Reckon, print, and write the page's section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--speed", type=Path, required=True, help="JSON of benchmarks.speed")
    parser.add_argument("--ledger", type=Path, required=True, help="JSON of benchmarks.ledger, SQLite")
    parser.add_argument("--batch", type=Path, help="JSON of benchmarks.batch, with OCR")
    parser.add_argument("--per-day", type=float, default=1e9, help="pictures")
    parser.add_argument("--use", type=float, default=0.7, help="share of the time in which a core judges")
    parser.add_argument("--hits", type=float, nargs="+", default=(0.0, 0.3, 0.6), help="shares that the cache answers")
    parser.add_argument("--textless", type=float, nargs="+", default=(0.0, 0.3, 0.6), help="shares without words")
    parser.add_argument("--simulated", type=float, default=3600.0, help="seconds of each load")
    parser.add_argument("--page", type=Path, help="a page whose section `scale` is written")
    given = parser.parse_args(argv)
    ledger = json.loads(given.ledger.read_text(encoding="utf-8"))
    batch = json.loads(given.batch.read_text(encoding="utf-8"))["speed"]["ocr"] if given.batch else None
    stream = Stream(given.per_day, given.use, tuple(given.hits), tuple(given.textless))
    text = render(Document.read(given.speed), ledger, batch, stream, given.simulated)
    print(text)
    if given.page is not None:
        write_section(given.page, "scale", text)


if __name__ == "__main__":
    main()
