"""The report on a terminal: the headline metrics, what the policy stops, and its false alarms by group."""

from rich.console import Console
from rich.table import Table

from training.evaluation.breakdown import GroupTable
from training.evaluation.metrics.bootstrap import Estimate
from training.evaluation.report.markdown import left_out_line
from training.evaluation.report.wording import interval_text, metric_title, whom_they_name
from training.evaluation.results import FULL_INPUT, Report, TaskResult

_SHOWN = ("auroc", "accuracy", "macro_f1")
_GROUP_SHOWN = ("reviewed_negatives", "reviewed_positives", "negatives_at_recall")
#: Groups on the terminal, those with most false alarms first; all of them are in the report.
_MAX_GROUPS = 12


def print_report(report: Report, console: Console) -> None:
    """The headline of every set; the rest is in the files."""
    console.print(_metrics(report))
    stopped = _stopped(report)
    if stopped.row_count:
        console.print(stopped)
    for result in report.sets:
        for task in result.tasks:
            for group in task.groups:
                if group.name == whom_they_name(task) and "reviewed_negatives" in group.metrics:
                    console.print(_false_alarms(f"{result.name}, {result.split}, {task.title}", group))
    for result in report.sets:
        if left_out := left_out_line(result):
            console.print(f"{result.name}, {result.split}: left out {left_out}", markup=False)


def _metrics(report: Report) -> Table:
    table = _table(f"{report.bundle.name} {report.bundle.version}", "set", "task", "items", *map(metric_title, _SHOWN))
    for result in report.sets:
        for task in result.tasks:
            cells = [_stacked(task.metrics[FULL_INPUT].get(name)) for name in _SHOWN]
            table.add_row(f"{result.name}, {result.split}", task.title, str(task.n), *cells)
    return table


def _stopped(report: Report) -> Table:
    """What the policy sends to review or blocks, of every set whose task it acts on."""
    heads = ("set", "task", "of all", "of harmless", "of positive", metric_title("negatives_at_recall"))
    table = _table("sent to review or blocked by the bundle's policy", *heads)
    for result in report.sets:
        for task in result.tasks:
            if (found := task.decisions) is not None:
                shares = (found.stopped, found.false_alarms, found.recall, _at_recall(task))
                table.add_row(f"{result.name}, {result.split}", task.title, *map(_stacked, shares))
    return table


def _at_recall(task: TaskResult) -> Estimate | None:
    return None if task.at_recall is None else task.at_recall.false_alarms


def _false_alarms(title: str, group: GroupTable) -> Table:
    """The reference first, then the groups from the one with most false alarms down."""
    shown = [name for name in _GROUP_SHOWN if name in group.metrics]
    rows = [row for row in group.rows if row.n_harmless]
    rows.sort(key=lambda row: (row.group != group.reference, -(row.metrics["reviewed_negatives"].value or 0.0)))
    more = f" (in the report: {len(rows) - _MAX_GROUPS} more)" if len(rows) > _MAX_GROUPS else ""
    table = _table(f"false alarms by group: {title}{more}", "group", "harmless items", *map(metric_title, shown))
    for row in rows[:_MAX_GROUPS]:
        table.add_row(row.group, str(row.n_harmless), *(_stacked(row.metrics[name]) for name in shown))
    return table


def _table(title: str, *heads: str) -> Table:
    """Names stay whole on a narrow terminal too."""
    table = Table(title=title)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _stacked(found: Estimate | None) -> str:
    """A value above its interval, which a narrow terminal has room for; nothing where there is no value."""
    return "" if found is None else interval_text(found).replace(" (", "\n(", 1)
