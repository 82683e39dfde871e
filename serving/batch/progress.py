"""Progress and summary of a batch run, for people: a bar while it goes, or now and then a line; a table at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from serving.batch.engines.score_partition import OutcomeCounts
from serving.batch.output.manifest import MANIFEST, Totals
from serving.batch.output.report import REPORT
from serving.batch.output.review_sample import ReviewSample
from serving.batch.plan import Plan
from serving.batch.run import ProgressCallbacks

#: Between two lines where there is no terminal.
_LINE_EVERY_S = 30.0
#: The items of a whole partition may come at once: the rate is over minutes.
_RATE_OVER_S = 180.0


class RunProgress:
    """Counts and rate of this session. Another may have done ``n_before`` items before."""

    def __init__(self) -> None:
        self.n_items = self.n_before = self.n_scored = self.n_errors = 0
        self.sample: ReviewSample | None = None
        self._began = time.monotonic()

    def on_start(self, plan: Plan, n_done: int) -> None:
        """Start the clock."""
        self.n_items, self.n_before = plan.n_items, n_done
        self._began = time.monotonic()

    def on_scored(self, counts: OutcomeCounts) -> None:
        """Count rows."""
        self.n_scored += counts.n_rows
        self.n_errors += counts.errors.total()

    def on_review_sample(self, sample: ReviewSample) -> None:
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
def show_progress(console: Console) -> Iterator[tuple[ProgressCallbacks, RunProgress]]:
    """A bar with items, rate, errors and time left; where the console is no terminal, a line every 30 seconds."""
    progress = RunProgress()
    if console.is_terminal:
        with _bar(console, progress) as callbacks:
            yield callbacks, progress
    else:
        yield _lines(console, progress), progress


def print_summary(console: Console, out: Path, plan: Plan, totals: Totals, progress: RunProgress) -> None:
    """Print what became of the items, how long it took and where the answers are."""
    table = Table(title=f"{totals.n_rows:,} items, one row each", title_justify="left")
    table.add_column("outcome")
    table.add_column("items", justify="right")
    table.add_column("share", justify="right")
    rows = [*sorted(totals.decisions.items()), *((f"error: {code}", n) for code, n in sorted(totals.errors.items()))]
    for name, count in rows:
        table.add_row(escape(name), f"{count:,}", f"{count / max(1, totals.n_rows):.1%}")
    console.print(table)
    if progress.n_scored:
        before = f"; {progress.n_before:,} were done before" if progress.n_before else ""
        console.print(f"{progress.n_scored:,} items in {_time(progress.seconds)}, {progress.rate:.1f} items/s{before}")
    else:
        console.print("everything was done before")
    if totals.n_unread:
        console.print(f"the words of {totals.n_unread:,} items could not be read: these are never allowed")
    if plan.n_passed_over:
        console.print(
            f"{plan.n_passed_over:,} files were passed over: they are no picture and no table, or begin with _",
            soft_wrap=True,
        )
    if totals.found:
        ways = "; ".join(f"{n:,} by {by}" for by, n in totals.found.most_common())
        n_found = totals.found.total()
        line = f"{n_found:,} pictures were found under other names than their rows give ({ways}): see image_found"
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    lines = [f"{out}: part-*.parquet, {MANIFEST}, {REPORT}"]
    if progress.sample is not None:
        lines.append(_sample_line(progress.sample))
    for line in lines:  # one line however narrow the terminal is, so that it can be copied
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _sample_line(sample: ReviewSample) -> str:
    if sample.n_items is None:
        return f"{sample.folder}: a sample was there already and is left as it is; move it away for a new one"
    gone = f"; {sample.n_gone} were drawn whose pictures are gone, and left out" if sample.n_gone else ""
    return f"{sample.folder}: {sample.n_items:,} items to label{gone}"


@contextmanager
def _bar(console: Console, progress: RunProgress) -> Iterator[ProgressCallbacks]:
    bar = RichProgress(
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

    def on_start(plan: Plan, n_done: int) -> None:
        progress.on_start(plan, n_done)
        bar.remove_task(reading)
        # Told of at once, what was done before does not count for the rate.
        bar.add_task("scoring", total=plan.n_items, completed=n_done, rate="-", n_errors=0)

    def on_scored(counts: OutcomeCounts) -> None:
        progress.on_scored(counts)
        (task,) = bar.tasks
        bar.update(task.id, advance=counts.n_rows, n_errors=progress.n_errors, rate=f"{progress.rate:.1f}")

    with bar:
        yield ProgressCallbacks(on_start, on_scored, progress.on_review_sample, _printer(console))


def _lines(console: Console, progress: RunProgress) -> ProgressCallbacks:
    printed_at = time.monotonic()

    def on_scored(counts: OutcomeCounts) -> None:
        nonlocal printed_at
        progress.on_scored(counts)
        if time.monotonic() - printed_at >= _LINE_EVERY_S:
            printed_at = time.monotonic()
            n_done = progress.n_before + progress.n_scored
            left = _time((progress.n_items - n_done) / progress.rate) if progress.rate else "?"
            console.print(
                f"{n_done:,} of {progress.n_items:,} items, {progress.n_errors:,} errors, {progress.rate:.1f} items/s, "
                f"{left} left",
                soft_wrap=True,
                highlight=False,
            )

    return ProgressCallbacks(progress.on_start, on_scored, progress.on_review_sample, _printer(console))


def _printer(console: Console) -> Callable[[str], None]:
    """Prints a line as it is, above the bar."""
    return partial(console.print, soft_wrap=True, markup=False, highlight=False)


def _time(seconds: float) -> str:
    """Hours, minutes and seconds: "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
