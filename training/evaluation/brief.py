"""The result of a set in a few plain sentences, for who reads nothing else."""

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
    stopped = found.counts["review"] + found.counts["block"]
    caught = "" if found.recall.value is None else f", among them {_percent(found.recall.value)} of the positives"
    return f"The policy stops {_percent(stopped / task.n)} of the memes{caught}."


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
