"""What a batch run shows to people: a bar while it goes, or now and then a line; a table at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from serving.batch.engines.score_partition import Tally
from serving.batch.output.manifest import MANIFEST, Totals
from serving.batch.output.report import REPORT
from serving.batch.output.review_sample import Sample
from serving.batch.plan import Plan
from serving.batch.run import Progress

#: Between two lines where there is no terminal.
_LINE_EVERY_S = 30.0
#: A unit's worth of items may come at once: the rate is over minutes.
_RATE_OVER_S = 180.0


class Meter:
    """What this session has done so far. Another may have done ``n_before`` items before."""

    def __init__(self) -> None:
        self.n_items = self.n_before = self.n_scored = self.n_errors = 0
        self.sample: Sample | None = None
        self._began = time.monotonic()

    def begins(self, plan: Plan, n_done: int) -> None:
        """Start the clock."""
        self.n_items, self.n_before = plan.n_items, n_done
        self._began = time.monotonic()

    def saw(self, tally: Tally) -> None:
        """Count rows."""
        self.n_scored += tally.n_rows
        self.n_errors += tally.errors.total()

    def sampled(self, sample: Sample) -> None:
        """Remember what people may label."""
        self.sample = sample

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.n_scored / max(1e-9, self.seconds)


@contextmanager
def shown(console: Console) -> Iterator[tuple[Progress, Meter]]:
    """A bar with items, rate, errors and time left; where the console is no terminal, a line every 30 seconds."""
    meter = Meter()
    if console.is_terminal:
        with _bar(console, meter) as progress:
            yield progress, meter
    else:
        yield _lines(console, meter), meter


def print_summary(console: Console, out: Path, plan: Plan, totals: Totals, meter: Meter) -> None:
    """What became of the items, how long it took and where the answers are."""
    table = Table(title=f"{totals.n_rows:,} items, one row each", title_justify="left")
    table.add_column("outcome")
    table.add_column("items", justify="right")
    table.add_column("share", justify="right")
    rows = [*sorted(totals.decisions.items()), *((f"error: {code}", n) for code, n in sorted(totals.errors.items()))]
    for name, count in rows:
        table.add_row(escape(name), f"{count:,}", f"{count / max(1, totals.n_rows):.1%}")
    console.print(table)
    if meter.n_scored:
        before = f"; {meter.n_before:,} were done before" if meter.n_before else ""
        console.print(f"{meter.n_scored:,} items in {_time(meter.seconds)}, {meter.rate:.1f} items/s{before}")
    else:
        console.print("everything was done before")
    if totals.n_unread:
        console.print(f"the words of {totals.n_unread:,} items could not be read: these are never allowed")
    if plan.n_passed_over:
        console.print(
            f"{plan.n_passed_over:,} files were passed over: they end as no picture and no table, or begin with _",
            soft_wrap=True,
        )
    lines = [f"{out}: part-*.parquet, {MANIFEST}, {REPORT}"]
    if meter.sample is not None:
        lines.append(_of_sample(meter.sample))
    for line in lines:  # one line however narrow the terminal is, so that it can be copied
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _of_sample(sample: Sample) -> str:
    if sample.n_items is None:
        return f"{sample.folder}: a sample was there already and is left as it is; move it away for a new one"
    gone = f"; {sample.n_gone} were drawn whose pictures are gone, and left out" if sample.n_gone else ""
    return f"{sample.folder}: {sample.n_items:,} items to label{gone}"


@contextmanager
def _bar(console: Console, meter: Meter) -> Iterator[Progress]:
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} items/s"),
        TextColumn("{task.fields[n_errors]} errors"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        speed_estimate_period=_RATE_OVER_S,
    )
    reading = bar.add_task("reading the input", total=None, rate="-", n_errors=0)

    def begins(plan: Plan, n_done: int) -> None:
        meter.begins(plan, n_done)
        bar.remove_task(reading)
        # Told of at once, what was done before does not count for the rate.
        bar.add_task("scoring", total=plan.n_items, completed=n_done, rate="-", n_errors=0)

    def saw(tally: Tally) -> None:
        meter.saw(tally)
        (task,) = bar.tasks
        bar.update(task.id, advance=tally.n_rows, n_errors=meter.n_errors, rate=f"{meter.rate:.1f}")

    with bar:
        yield Progress(begins, saw, meter.sampled)


def _lines(console: Console, meter: Meter) -> Progress:
    told = time.monotonic()

    def saw(tally: Tally) -> None:
        nonlocal told
        meter.saw(tally)
        if time.monotonic() - told >= _LINE_EVERY_S:
            told = time.monotonic()
            n_done = meter.n_before + meter.n_scored
            left = _time((meter.n_items - n_done) / meter.rate) if meter.rate else "?"
            console.print(
                f"{n_done:,} of {meter.n_items:,} items, {meter.n_errors:,} errors, {meter.rate:.1f} items/s, "
                f"{left} left",
                soft_wrap=True,
                highlight=False,
            )

    return Progress(meter.begins, saw, meter.sampled)


def _time(seconds: float) -> str:
    """Hours, minutes and seconds: "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
