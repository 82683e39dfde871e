"""What a batch run shows to people: a bar while it goes, a table at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from serving.batch.finish import Totals
from serving.batch.plan import Plan
from serving.batch.run import Progress
from serving.batch.unit import Tally


@contextmanager
def bar(console: Console) -> Iterator[Progress]:
    """Items, rate, errors and time left; nothing at all when the console is no terminal."""
    shown = Bar(
        TextColumn("scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} items/s"),
        TextColumn("{task.fields[n_errors]} errors"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = shown.add_task("scoring", total=None, rate="-", n_errors=0)

    def begins(plan: Plan, n_done: int) -> None:
        shown.update(task, total=plan.n_items, completed=n_done)

    def saw(tally: Tally) -> None:
        speed = shown.tasks[0].speed
        n_errors = shown.tasks[0].fields["n_errors"] + tally.errors.total()
        shown.update(task, advance=tally.n_rows, n_errors=n_errors, rate=f"{speed:.1f}" if speed else "-")

    with shown:
        yield Progress(begins, saw)


def print_totals(console: Console, plan: Plan, totals: Totals) -> None:
    """What became of the items."""
    table = Table(title=f"{totals.n_rows} of {plan.n_items} items have a row", title_justify="left")
    table.add_column("outcome")
    table.add_column("items", justify="right")
    table.add_column("share", justify="right")
    rows = [*sorted(totals.decisions.items()), *((f"error: {code}", n) for code, n in sorted(totals.errors.items()))]
    for name, count in rows:
        table.add_row(name, str(count), f"{count / max(1, totals.n_rows):.1%}")
    console.print(table)
