"""HTML page of an evaluation, one file that needs nothing else: no script, no link, no font from anywhere.

The page is ``templates/page.html.j2``, in which jinja2 escapes every text. Pictures are shown only on demand (and
blurred until clicked), words only on demand.
"""

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.bundle import spread_text
from model.errors import MemeError
from model.meme import Meme
from model.taxonomy import TASKS
from training.datasets import Sample
from training.evaluation.breakdown import FEW_ITEMS, GroupRow, GroupTable
from training.evaluation.evaluate import Evaluation
from training.evaluation.report import figures
from training.evaluation.report.markdown import intervals_line, left_out_line
from training.evaluation.report.wording import (
    at_recall_line,
    briefs,
    column_title,
    compared_metrics,
    facts,
    group_counts,
    group_heads,
    metric_title,
    policy_bounds,
)
from training.evaluation.results import FULL_INPUT, Report, TaskResult

_SUMMARY = ("auroc", "average_precision", "accuracy", "macro_f1", "calibration_error")
_MAX_LISTED = 50
_THUMBNAIL_PX = 240
#: A drawing and what it shows.
Plot = tuple[str, str]


def render_html(found: Evaluation, *, thumbnails: bool = False, show_texts: bool = False) -> str:
    """The page. ``thumbnails`` puts pictures of mistakes in, ``show_texts`` their words."""
    sets = [
        (result, {sample.id: sample for sample in samples})
        for result, samples in zip(found.report.sets, found.samples, strict=True)
    ]
    page = environment().get_template("page.html.j2")
    return page.render(report=found.report, sets=sets, thumbnails=thumbnails, show_texts=show_texts)


@cache
def environment() -> Environment:
    """The templates, with what they call beside their own variables."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions = (
        at_recall_line,
        group_heads,
        group_counts,
        spread_text,
        briefs,
        compared_metrics,
        facts,
        intervals_line,
        left_out_line,
    )
    made.globals |= {function.__name__: function for function in functions} | {
        "FULL_INPUT": FULL_INPUT,
        "FEW_ITEMS": FEW_ITEMS,
        "SUMMARY": list(_SUMMARY),
        "MAX_LISTED": _MAX_LISTED,
        "share": lambda part: "n/a" if part is None else f"{part:.1%}",
        "summary_plot": _summary_plot,
        "plots": _plots,
        "thresholds": policy_bounds,
        "decision_plot": figures.decision_plot,
        "group_plot": _group_plot,
        "thumbnail": _thumbnail,
    }
    made.filters |= {
        "column_title": column_title,
        "difference_title": lambda column: f"full minus {column_title(column)}",
        "metric_title": metric_title,
    }
    return made


def _summary_plot(report: Report) -> str:
    """AUROC of every task that has one; empty when none has."""
    plotted = [
        (
            f"{result.name}, {result.split}\n{task.title}",
            {_short_title(name): values["auroc"] for name, values in task.metrics.items()},
        )
        for result in report.sets
        for task in result.tasks
        if "auroc" in task.metrics[FULL_INPUT]
    ]
    return figures.interval_plot(plotted, "AUROC by set", "AUROC", reference=0.5) if plotted else ""


def _plots(task: TaskResult) -> list[Plot]:
    plots = []
    classes = TASKS[task.task].classes
    if FULL_INPUT in task.curves:
        curves = {_short_title(name): found for name, found in task.curves.items()}
        mine = task.curves[FULL_INPUT]
        share = task.class_counts[classes[1]] / task.n
        thresholds = policy_bounds(task.decisions) if task.decisions else {}
        plots = [
            (figures.roc_plot(curves), "ROC: how many positives are found at which share of false alarms."),
            (figures.pr_plot(curves, share), "Precision and recall; dotted: what guessing reaches."),
            (
                figures.reliability_plot(mine),
                "Reliability: on the dotted line a probability means what it says. Larger dots hold more items.",
            ),
            (
                figures.histogram_plot(mine, classes, thresholds),
                "Where the probabilities lie, by label; dashed: the policy's thresholds.",
            ),
        ]
    if task.confusion is not None:
        plots.append((figures.confusion_plot(task.confusion, classes), "Decisions at the most probable class."))
    return plots


def _group_plot(group: GroupTable) -> Plot:
    """What the policy stops of each group; its errors at 0.5 where no policy acts on the task."""
    wanted = ("reviewed",) if group.name == "function" else ("reviewed_negatives", "reviewed_positives")
    if stopped := [name for name in wanted if name in group.metrics]:
        label = "share sent to review or blocked"
        drawing = figures.bar_plot(_group_rows(group, stopped), f"{group.title}: {label}", label, _reference(group))
        dotted = "" if _reference(group) is None else f" Dotted: harmless items with {group.reference}."
        return drawing, f"What the policy stops, at its own thresholds, with 95% intervals.{dotted}"
    if group.is_by_class:
        drawing = figures.interval_plot(_group_rows(group, ["auroc"]), "AUROC by class", "AUROC", reference=0.5)
        return drawing, "AUROC of each class with 95% intervals; dotted: chance."
    errors = ("accuracy",) if group.name == "function" else ("false_positive_rate", "false_negative_rate")
    title = f"{group.title}: errors by group"
    drawing = figures.interval_plot(_group_rows(group, errors), title, " / ".join(map(metric_title, errors)))
    return drawing, "Decisions at 0.5, with 95% intervals."


def _group_rows(group: GroupTable, series: Sequence[str]) -> list[figures.Row]:
    return [
        (f"{row.group} ({_counts(group, row)})", {metric_title(name): row.metrics[name] for name in series})
        for row in group.rows
    ]


def _counts(group: GroupTable, row: GroupRow) -> str:
    return f"{row.n_positive} of {row.n}" if group.is_by_class else f"n = {row.n}, {row.n_harmless} harmless"


def _reference(group: GroupTable) -> float | None:
    """The false alarms among items outside all groups."""
    return next((row.metrics["reviewed_negatives"].value for row in group.rows if row.group == group.reference), None)


def _short_title(column: str) -> str:
    return column_title(column).split(" (")[0]


def _thumbnail(sample: Sample) -> tuple[str, str]:
    """The picture in small as JPEG in base64, or nothing and the reason."""
    if sample.image is None:
        return "", "no picture"
    try:
        picture = Meme.from_file(sample.image).picture
    except MemeError as error:  # it was read a minute ago
        return "", f"n/a ({error.code})"
    picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75)
    return base64.b64encode(buffer.getvalue()).decode(), ""
