"""One task of one set as HTML: numbers, plots, groups, mistakes."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from model.errors import MemeError
from model.meme import Meme, has_words
from model.taxonomy import TASKS
from training.datasets import Sample
from training.evaluation import figures
from training.evaluation.breakdown import FEW_ITEMS, GroupTable
from training.evaluation.html_parts import Html, details, figure, html, join, paired, table, value
from training.evaluation.results import FULL_INPUT, Mistake, TaskResult
from training.evaluation.wording import column_title, metric_title

_THUMBNAIL_PX = 240
_MISTAKES = {
    "false_positives": ("Confident false positives", "labelled negative, scored highest"),
    "false_negatives": ("Confident false negatives", "labelled positive, scored lowest"),
}


@dataclass(frozen=True)
class Shown:
    """What of the memes themselves may be shown: nothing, unless the user asked for it."""

    samples: Mapping[str, Sample]
    thumbnails: bool
    texts: bool


def task_section(task: TaskResult, shown: Shown) -> Html:
    """Everything about one task."""
    counts = ", ".join(f"{n} {name}" for name, n in task.class_counts.items())
    parts = [Html(f"<h3>{html(task.title)}</h3><p>{task.n} items: {html(counts)}.</p>"), _metrics(task)]
    if task.differences:
        parts.append(_differences(task))
    parts.append(_plots(task))
    if task.decisions:
        parts.append(_decisions(task))
    parts += [_groups(group) for group in task.groups]
    if any(task.mistakes.values()):
        parts.append(_mistakes(task, shown))
    return join(parts)


def _metrics(task: TaskResult) -> Html:
    columns = list(task.metrics)
    rows = [
        [metric_title(name), *(value(task.metrics[column][name]) for column in columns)]
        for name in task.metrics[FULL_INPUT]
    ]
    return table("Metrics", ["metric", *map(column_title, columns)], rows)


def _differences(task: TaskResult) -> Html:
    names = [name for name in task.metrics[FULL_INPUT] if any(name in other.metrics for other in task.differences)]
    rows = [[metric_title(name), *(paired(other.metrics.get(name)) for other in task.differences)] for name in names]
    heads = ["metric", *(f"full minus {column_title(other.other)}" for other in task.differences)]
    return table("Differences on the same memes (paired bootstrap; bold: the interval leaves out 0)", heads, rows)


def _plots(task: TaskResult) -> Html:
    plots = []
    classes = TASKS[task.task].classes
    if FULL_INPUT in task.curves:
        curves = {column_title(name).split(" (")[0]: found for name, found in task.curves.items()}
        mine = task.curves[FULL_INPUT]
        share = task.class_counts[classes[1]] / task.n
        plots = [
            figure(figures.roc_plot(curves), "ROC: how many positives are found at which share of false alarms."),
            figure(figures.pr_plot(curves, share), "Precision and recall; dotted: what guessing reaches."),
            figure(
                figures.reliability_plot(mine),
                "Reliability: on the dotted line a probability means what it says. Larger dots hold more items.",
            ),
            figure(
                figures.histogram_plot(mine, classes, _thresholds(task)),
                "Where the probabilities lie, by label; dashed: the policy's thresholds.",
            ),
        ]
    if task.confusion is not None:
        plots.append(figure(figures.confusion_plot(task.confusion, classes), "Decisions at the most probable class."))
    return Html(f'<div class="figures">{join(plots)}</div>') if plots else Html("")


def _thresholds(task: TaskResult) -> dict[str, float]:
    limits = task.decisions.thresholds if task.decisions else None
    return {} if limits is None else {str(action): bound for action, bound in limits.bounds.items()}


def _decisions(task: TaskResult) -> Html:
    found = task.decisions
    if found is None:
        return Html("")
    named = ", ".join(f"{name} from {limit:.3f}" for name, limit in _thresholds(task).items())
    never = "" if found.thresholds is None or found.thresholds.block is not None else "; it never blocks by itself"
    rows = [
        ["review or block: precision (stopped memes that are positive)", value(found.precision)],
        ["review or block: recall (positives that are stopped)", value(found.recall)],
        ["block alone: precision", value(found.blocked_precision)],
    ]
    return join(
        [
            Html(f"<h4>Decisions of the bundle's policy</h4><p>{html(named + never)}.</p>"),
            figure(figures.decision_plot(found.counts_by_class), "What happens to memes of each label."),
            table("What reviewers would see", ["", "value"], rows),
        ]
    )


def _groups(group: GroupTable) -> Html:
    rows = [
        [
            f"{row.group}{' *' if row.is_small else ''}",
            str(row.n),
            str(row.n_positive),
            *(value(row.metrics[name]) for name in group.metrics),
        ]
        for row in group.rows
    ]
    heads = ["group", "items", "positive", *map(metric_title, group.metrics)]
    small = f" * fewer than {FEW_ITEMS} items: read with care." if any(row.is_small for row in group.rows) else ""
    series = ("accuracy",) if group.name == "function" else ("false_positive_rate", "false_negative_rate")
    plotted = [
        (f"{row.group} (n = {row.n})", {metric_title(name): row.metrics[name] for name in series}) for row in group.rows
    ]
    svg = figures.interval_plot(plotted, f"{group.title}: errors by group", " / ".join(map(metric_title, series)))
    return join(
        [
            Html(f"<h4>{html(group.title)}</h4><p>{html(group.note + small)}</p>"),
            figure(svg, "Decisions at 0.5, with 95% intervals."),
            details(f"Table: {group.title}", table(group.title, heads, rows)),
        ]
    )


def _mistakes(task: TaskResult, shown: Shown) -> Html:
    lists = []
    for kind, mistakes in task.mistakes.items():
        title, caption = _MISTAKES[kind]
        rows = [[mistake.id, f"{mistake.probability:.3f}", *_content(mistake, shown)] for mistake in mistakes]
        heads = ["id", "probability", *(["picture"] if shown.thumbnails else []), *(["words"] if shown.texts else [])]
        lists.append(table(f"{title}: {caption}", heads, rows))
    note = (
        "The labels may be wrong as well: look before you conclude. "
        + ("Pictures are blurred until clicked. " if shown.thumbnails else "")
        + ("" if shown.thumbnails or shown.texts else "Listed by id alone; --thumbnails and --show-texts show more.")
    )
    return Html(f'<h4>Worst disagreements</h4><p>{html(note)}</p><div class="mistakes">{join(lists)}</div>')


def _content(mistake: Mistake, shown: Shown) -> list[str]:
    sample = shown.samples[mistake.id]
    cells: list[str] = []
    if shown.thumbnails:
        cells.append(_thumbnail(sample))
    if shown.texts:
        cells.append(Html(f"<blockquote>{escape(sample.text)}</blockquote>") if has_words(sample.text) else "no words")
    return cells


def _thumbnail(sample: Sample) -> Html:
    """The picture in small, blurred by the page until its box is ticked."""
    if sample.image is None:
        return Html("no picture")
    try:
        picture = Meme.from_file(sample.image).picture
    except MemeError as error:  # it was read a minute ago
        return html(f"n/a ({error.code})")
    picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75)
    data = base64.b64encode(buffer.getvalue()).decode()
    label = escape(f"show the picture of {sample.id}")
    return Html(
        f'<label class="thumbnail"><input type="checkbox" aria-label="{label}">'
        f'<img alt="meme {escape(sample.id)}, blurred" src="data:image/jpeg;base64,{data}"></label>'
    )
