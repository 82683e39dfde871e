"""A report as tables of plain cells, which the terminal and the Markdown file show alike."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from training.curation.report import Likeness, Report

_MAX_REASONS = 20
_LIKENESS: dict[Likeness, str] = {
    "id": "same id",
    "exact_picture": "same picture file",
    "near_picture": "near-duplicate picture",
    "same_text": "same words",
    "verbatim_text": "same words, to the letter",
    "any": "any of picture and words",
}


@dataclass(frozen=True)
class Table:
    """A titled table; ``note`` explains its numbers. Cells hold ids and file names, never the words of a meme."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables_of(report: Report) -> Iterator[Table]:
    """The tables that have rows, in the order in which one asks."""
    for table in (_splits(report), _classes(report), _left_out(report), _labels(report), _repeats(report)):
        if table.rows:
            yield table
    yield _overlaps(report)


def _splits(report: Report) -> Table:
    rows = tuple(
        (item.split, *map(str, (item.n_rows, item.n_usable, item.n_pictures, item.n_empty_text, item.n_unlabelled)))
        for item in report.splits
    )
    return Table("splits", ("split", "rows", "usable", "with picture", "without text", "unlabelled"), rows)


def _classes(report: Report) -> Table:
    """One line a task and class, one column a split."""
    tasks = {task: tuple(classes) for item in report.splits for task, classes in item.classes.items()}
    rows = tuple(
        (task, name, *(str(item.classes.get(task, {}).get(name, 0)) for item in report.splits))
        for task, names in tasks.items()
        for name in names
    )
    return Table("labels", ("task", "class", *(item.split for item in report.splits)), rows)


def _left_out(report: Report) -> Table:
    """The commonest reasons with their number; a file name in quotes is not what tells reasons apart."""
    reasons = Counter(
        (item.split, item.kind.replace("_", " "), re.sub(r"'[^']*'", "…", item.reason)) for item in report.left_out
    )
    rows = tuple((split, kind, str(n), reason) for (split, kind, reason), n in reasons.most_common(_MAX_REASONS))
    more = f"{len(reasons) - len(rows)} more reasons are not shown. " if len(reasons) > len(rows) else ""
    return Table("left out", ("split", "what", "number", "reason"), rows, f"{more}The JSON names each row.")


def _labels(report: Report) -> Table:
    conflicts = Counter((item.kind, item.task) for item in report.conflicts)
    members = Counter((item.kind, item.task) for item in report.conflicts for _ in item.samples)
    rows = [
        ("all", task, f"conflict: {kind.replace('_', ' ')}", str(n), str(members[kind, task]))
        for (kind, task), n in conflicts.items()
    ]
    for item in report.texts_with_both_labels:
        what = f"texts with both labels ({item.n_texts_verbatim} to the letter)"
        rows.append((item.split, item.task, what, str(item.n_texts), str(item.n_samples)))
    note = "Texts with both labels stand on different pictures: confounders that a benchmark may want, or noise."
    return Table("labels that differ", ("split", "task", "what", "groups", "samples"), tuple(rows), note)


def _repeats(report: Report) -> Table:
    rows = tuple(
        (item.split, _LIKENESS[item.kind], str(len(item.groups)), str(item.n_redundant), str(_largest(item.groups)))
        for item in report.repeats
    )
    columns = ("split", "kind", "groups", "redundant samples", "largest group")
    return Table("duplicates inside a split", columns, rows)


def _largest(groups: tuple[tuple[str, ...], ...]) -> int:
    return max(map(len, groups))


def _overlaps(report: Report) -> Table:
    rows = tuple(
        (
            item.first,
            item.second,
            _LIKENESS[item.kind],
            str(item.n_first),
            str(item.n_second),
            f"{item.share_of_second:.1%}",
        )
        for item in report.overlaps
    )
    looked_for = "Near-duplicate pictures were not looked for."
    if report.max_distance is not None:
        looked_for = f"Near-duplicates: other bytes, pHash and dHash both within {report.max_distance} of 64 bits."
    columns = ("first", "second", "kind", "of the first", "of the second", "share")
    return Table("leakage between splits", columns, rows, looked_for if rows else f"None found. {looked_for}")
