"""Tables that ``memeguard memory`` prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table

from serving.commands.tables import plain
from serving.known.memory.store import StoredMeme
from serving.known.memory.trial import Flip, FlipCounts, Measured


def print_memes(found: Sequence[StoredMeme]) -> None:
    """One line a remembered meme."""
    fixed = (Column("meme", no_wrap=True), "labels", "weight", Column("state", no_wrap=True))
    table = Table(*fixed, "decision", "owner", "note")
    for one in found:
        labels = ", ".join(f"{task}={name}" for task, name in one.labels.items())
        state = "asleep" if one.features is None else "votes"
        said = (plain(one.owner or ""), plain(one.note or ""))
        table.add_row(one.memory_id, labels, f"{one.weight:g}", state, one.decision_id or "", *said)
    Console().print(table)


def print_flips(flips: Sequence[Flip], counts: FlipCounts) -> None:
    """One line a past decision that would be another, and how many were looked at."""
    if flips:
        table = Table("decision", "made", "was", "would be", "scores")
        for one in flips:
            scores = ", ".join(f"{task} {old:.3f} -> {new:.3f}" for task, (old, new) in one.scores.items())
            table.add_row(one.decision_id, f"{one.created_at:%Y-%m-%d %H:%M}", one.old, one.new, scores)
        Console().print(table)
    looked_at = f"{len(flips)} of {counts.decisions} decisions would be others; scores of {counts.moved} would move"
    Console().print(looked_at, highlight=False)
    if counts.without_features:
        Console().print(
            f"{counts.without_features} decisions have no features of this bundle; the service keeps them with "
            "MEMEGUARD_LEDGER_STORE_FEATURES=true",
            highlight=False,
        )


def print_measured(rows: Sequence[Measured]) -> None:
    """One line a task."""
    table = Table("task", "memes", "positive", "AUROC before", "AUROC after")
    for one in rows:
        values = ("one class" if value is None else f"{value:.3f}" for value in (one.auroc_before, one.auroc_after))
        table.add_row(one.task, str(one.n), str(one.n_positive), *values)
    Console().print(table)
