"""Words for results, the same in every form of the report."""

from model.bundle import spread_text
from model.modality import modality_title
from training.evaluation.breakdown import GroupRow, GroupTable
from training.evaluation.decisions import Decisions
from training.evaluation.false_alarms import FIXED_RECALL, AtRecall
from training.evaluation.metrics.bootstrap import Estimate, PairedInterval
from training.evaluation.metrics.measures import MEASURES
from training.evaluation.results import FULL_INPUT, IMAGE_ONLY_INPUT, TEXT_ONLY_INPUT, SetResult, TaskResult

_HIDDEN = {TEXT_ONLY_INPUT: "the picture", IMAGE_ONLY_INPUT: "the words"}


def briefs(result: SetResult) -> list[str]:
    """One paragraph a task."""
    return [f"{result.name} ({result.split}), {task.title}: {_sentences(task)}" for task in result.tasks]


def _sentences(task: TaskResult) -> str:
    return " ".join(sentence for sentence in (_ranking(task), _decisions(task), *_hidden(task)) if sentence)


def _ranking(task: TaskResult) -> str:
    metrics = task.metrics[FULL_INPUT]
    auroc, accuracy = metrics.get("auroc"), metrics["accuracy"]
    right = f"{_percent(accuracy.value)} of {task.n} items are decided as labelled"
    if task.kind != "binary" or auroc is None or auroc.value is None:
        return f"{right}."
    has_spread = auroc.low is not None and auroc.low != auroc.high
    spread = f", 95% interval {auroc.low:.2f} to {auroc.high:.2f}" if has_spread else ""
    return (
        f"a positive is scored above a negative {_percent(auroc.value)} of the time (AUROC {auroc.value:.2f}{spread}); "
        f"{right}."
    )


def _decisions(task: TaskResult) -> str:
    found = task.decisions
    if found is None or not task.n:
        return ""
    caught = "" if found.recall.value is None else f", among them {_percent(found.recall.value)} of the positives"
    false_alarms = _false_alarms(task, found.false_alarms)
    return f"The policy stops {_percent(found.stopped.value)} of the items{caught}.{false_alarms}"


def _false_alarms(task: TaskResult, found: Estimate) -> str:
    """Of the harmless ones, and in the group that has most to bear among those that are large enough to say so."""
    if found.value is None:
        return ""
    tables = [table for table in task.groups if table.name == whom_they_name(task)]
    judged = [row for table in tables for row in table.rows if row.can_be_judged and row.group != table.reference]
    worst = max(judged, key=lambda row: row.metrics["reviewed_negatives"].value or 0.0, default=None)
    most = ""
    if worst is not None:
        share = _percent(worst.metrics["reviewed_negatives"].value)
        most = f"; most in the group {worst.group!r}: {share} of {worst.n_harmless}"
    return f" Of the harmless ones {_percent(found.value)} are stopped (95% interval {_spread(found)}){most}."


def whom_they_name(task: TaskResult) -> str:
    """The name of the grouping by whom items are about: the annotated one, the identity terms where there is none."""
    names = [table.name for table in task.groups]
    return "target_group" if "target_group" in names else "identity_terms"


def _spread(found: Estimate) -> str:
    return "n/a" if found.low is None or found.high is None else f"{found.low:.0%} to {found.high:.0%}"


def _hidden(task: TaskResult) -> list[str]:
    """What each modality adds, said as strongly as its interval allows."""
    lines = []
    for other in task.differences:
        found = other.metrics.get("auroc")
        if found is None or other.other not in _HIDDEN:
            continue
        part = _HIDDEN[other.other]
        if found.low > 0:
            lines.append(f"Hiding {part} costs {found.difference:.3f} AUROC.")
        elif found.high < 0:
            lines.append(f"Hiding {part} gains {-found.difference:.3f} AUROC: it misleads the model here.")
        else:
            lines.append(f"Hiding {part} makes no difference that this set can show ({-found.difference:+.3f} AUROC).")
    return lines


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.0%}"


_METRICS = {measure.name: measure.label for measures in MEASURES.values() for measure in reversed(measures)} | {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "false_positive_rate": "false positive rate",
    "false_negative_rate": "false negative rate",
    "reviewed": "reviewed",
    "reviewed_negatives": "harmless but reviewed",
    "reviewed_positives": "positive and reviewed",
    "stopped_at_recall": f"stopped at {FIXED_RECALL:.2f} recall",
    "negatives_at_recall": f"harmless at {FIXED_RECALL:.2f} recall",
    "bpsn_auroc": "BPSN AUROC",
    "bnsp_auroc": "BNSP AUROC",
}
_COLUMNS = {
    FULL_INPUT: "full",
    TEXT_ONLY_INPUT: "picture hidden (text_only_input)",
    IMAGE_ONLY_INPUT: "text hidden (image_only_input)",
}


def metric_title(name: str) -> str:
    """A metric as a table's head."""
    return _METRICS.get(name, name)


def column_title(name: str) -> str:
    """A column (the bundle, a view of it, another bundle) as a table's head."""
    return _COLUMNS.get(name, name)


def compared_metrics(task: TaskResult) -> list[str]:
    """The metrics that have a value in a difference."""
    return [name for name in task.metrics[FULL_INPUT] if any(name in other.metrics for other in task.differences)]


def interval_text(found: Estimate) -> str:
    """``.734 (.701 to .766)``; without an interval the reason stands in its place."""
    if found.value is None:
        return f"n/a ({found.reason})"
    if found.low is None or found.high is None:
        return f"{found.value:.3f}" + (f" ({found.reason})" if found.reason else "")
    return f"{found.value:.3f} ({spread_text(found.low, found.high)})"


def paired_text(found: PairedInterval) -> str:
    """``+.012 (-.003 to +.027), p = .12``."""
    p_value = f"p = {found.p_value:.3f}" if found.p_value >= 0.001 else "p < .001"
    return f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f}), {p_value}"


def group_heads(table: GroupTable) -> list[str]:
    """Heads of the columns before the metrics."""
    return ["class", "items", "positive"] if table.is_by_class else ["group", "items", "positive", "harmless"]


def group_counts(table: GroupTable, row: GroupRow) -> list[int]:
    """What stands under them, but for the name."""
    counts = [row.n, row.n_positive, row.n_harmless]
    return counts[:2] if table.is_by_class else counts


def at_recall_line(found: AtRecall) -> str:
    """What a fixed recall costs, with the threshold that it takes."""
    return (
        f"At the threshold that catches {found.recall:.2f} of the positives ({found.threshold:.3f}), "
        f"{interval_text(found.false_alarms)} of the harmless items are stopped."
    )


def facts(result: SetResult) -> str:
    """What was scored, and how long a meme took."""
    speed = "" if result.ms_per_meme is None else f"; {result.ms_per_meme:.0f} ms a meme on this machine"
    return (
        f"{result.n_scored} items scored, {result.n_with_picture} with a picture, {result.n_with_words} with words "
        f"(words: {result.words}){speed}."
    )


def policy_bounds(found: Decisions) -> dict[str, float]:
    """Thresholds of the policy for what there is in the set, by name; one of each where they do not differ."""
    alike = len(set(found.by_modality.values())) == 1
    return {
        f"{action}" if alike else f"{action} ({modality_title(modality)})": bound
        for modality, limits in found.by_modality.items()
        for action, bound in limits.bounds.items()
    }
