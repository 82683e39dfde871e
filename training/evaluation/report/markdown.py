"""The report as Markdown: for a pull request, a wiki or a terminal."""

from collections.abc import Iterable, Sequence

from model.verdict import DECISIONS
from training.evaluation.breakdown import FEW_ITEMS, GroupTable
from training.evaluation.decisions import Decisions
from training.evaluation.metrics.bootstrap import Estimate, PairedInterval
from training.evaluation.report.wording import (
    at_recall_line,
    column_title,
    compared_metrics,
    facts,
    group_counts,
    group_heads,
    interval_text,
    metric_title,
    paired_text,
    policy_bounds,
)
from training.evaluation.results import OcrResult, Report, SetResult, TaskResult

_ROW = "row that could not be read or used"


def render_markdown(report: Report) -> str:
    """The whole report; ends with how to make it again."""
    parts = [
        f"# Evaluation of {report.bundle.name} {report.bundle.version}\n",
        f"Bundle `{report.bundle.digest[:12]}`, {report.bundle.size_mb} MB, tasks {', '.join(report.bundle.tasks)}. "
        f"{intervals_line(report)}\n",
        *(_set(result) for result in report.sets),
        f"## Made by\n\n`{report.command}`\n\n{report.created}; "
        + ", ".join(f"{name} {number}" for name, number in report.packages.items())
        + f"; engines: {report.bundle.engines}",
    ]
    return "\n".join(parts) + "\n"


def intervals_line(report: Report) -> str:
    """How the intervals were made."""
    by = "" if report.resample_by == "item" else f", items with the same {report.resample_by} drawn together"
    return (
        f"In brackets: 95% intervals ({report.n_resamples} bootstrap resamples{by}, seed {report.seed}; Wilson for "
        "shares). Decisions at 0.5 unless a threshold is named."
    )


def left_out_line(result: SetResult) -> str:
    """What was not scored, and why; empty when everything was. A row without a clear label is of no use either."""
    reasons = {reason.replace("row that could not be read", _ROW): n for reason, n in result.left_out.items() if n}
    parts = [f"{n} {reason if n == 1 else _plural(reason)}" for reason, n in reasons.items()]
    if result.n_unlabelled:
        parts.append(f"{result.n_unlabelled} without a label of these tasks")
    return "; ".join(parts)


def _plural(reason: str) -> str:
    return reason.replace("row that", "rows that").replace("picture that", "pictures that")


def _set(result: SetResult) -> str:
    head = f"## {result.name}, {result.split}\n\n`{result.source}`: {facts(result)}\n"
    left_out = left_out_line(result)
    notes = [f"Left out: {left_out}."] if left_out else []
    body = [*(f"{note}\n" for note in notes + result.notes), *map(_task, result.tasks)]
    if result.memotion:
        rows = [[f"Memotion task {name}", interval_text(value)] for name, value in result.memotion.items()]
        body.append(markdown_table(["mean macro-F1", "value"], rows))
    if result.ocr:
        body.append(_ocr(result.ocr))
    return "\n".join([head, *body])


def _task(task: TaskResult) -> str:
    counts = ", ".join(f"{n} {name}" for name, n in task.class_counts.items())
    parts = [f"### {task.title}\n\n{task.n} items: {counts}.\n", _metrics(task)]
    if task.differences:
        parts.append(_differences(task))
    if task.decisions:
        parts.append(_decisions(task.decisions))
    if task.at_recall:
        parts.append(at_recall_line(task.at_recall) + "\n")
    parts += [_groups(table) for table in task.groups]
    return "\n".join(parts)


def _metrics(task: TaskResult) -> str:
    columns = list(task.metrics)
    names = list(task.metrics[columns[0]])
    rows = [[metric_title(name), *(interval_text(task.metrics[column][name]) for column in columns)] for name in names]
    return markdown_table(["metric", *map(column_title, columns)], rows)


def _differences(task: TaskResult) -> str:
    rows = [
        [metric_title(name), *(_paired(other.metrics.get(name)) for other in task.differences)]
        for name in compared_metrics(task)
    ]
    heads = [f"full minus {column_title(other.other)}" for other in task.differences]
    return "Differences on the same memes (paired bootstrap):\n\n" + markdown_table(["metric", *heads], rows)


def _paired(interval: PairedInterval | None) -> str:
    return "n/a" if interval is None else paired_text(interval)


def _decisions(found: Decisions) -> str:
    rows = [[name, *map(str, counts.values())] for name, counts in found.counts_by_class.items()]
    rows.append(["all", *map(str, found.counts.values())])
    line = (
        f"Stopped (review or block): {interval_text(found.stopped)} of all items, "
        f"{interval_text(found.false_alarms)} of the harmless ones.\n\n"
        f"Review or block: precision {interval_text(found.precision)}, recall {interval_text(found.recall)}; "
        f"block alone: precision {interval_text(found.blocked_precision)}.\n"
    )
    limits = ", ".join(f"{name} from {bound:.3f}" for name, bound in policy_bounds(found).items())
    return (
        f"Decisions of the bundle's policy ({limits}):\n\n" + markdown_table(["label", *DECISIONS], rows) + "\n" + line
    )


def _groups(table: GroupTable) -> str:
    rows = [
        [
            row.group + (" *" if row.is_small else ""),
            *map(str, group_counts(table, row)),
            *(interval_text(row.metrics[name]) for name in table.metrics),
        ]
        for row in table.rows
    ]
    small = f" \\* fewer than {FEW_ITEMS} items." if any(row.is_small for row in table.rows) else ""
    heads = [*group_heads(table), *map(metric_title, table.metrics)]
    return f"#### {table.title}\n\n{table.note}{small}\n\n" + markdown_table(heads, rows)


def _ocr(found: OcrResult) -> str:
    head = (
        f"#### Words read by {found.engine} against words given\n\n{found.n} memes with both; "
        f"{found.n_unread} pictures could not be read. Of the given words {_share(found.word_recall)} were read; "
        f"of the words read {_share(found.word_precision)} were given.\n"
    )
    rows = [
        [
            task.title,
            metric_title(name),
            interval_text(task.given[name]),
            interval_text(task.read[name]),
            _paired(task.difference.get(name)),
        ]
        for task in found.tasks
        for name in task.given
    ]
    same = [f"{task.title}: the same decision for {interval_text(task.same_class)} of memes." for task in found.tasks]
    return "\n".join([head, markdown_table(["task", "metric", "given", "read", "given minus read"], rows), *same, ""])


def _share(value: float | None) -> str:
    return interval_text(Estimate(value, reason="no words"))


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its line end; a bar within a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
