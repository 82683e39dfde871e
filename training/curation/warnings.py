"""Warnings: what a person should know before training on the data, a sentence each, with numbers."""

from collections import Counter
from collections.abc import Iterator

from training.curation.report import LeftOutKind, Report, SplitCounts
from training.datasets.shown import named

#: Columns that a sentence names.
_MAX_COLUMNS = 12

_LEFT_OUT: dict[LeftOutKind, str] = {
    "file": "split(s) could not be read at all",
    "row": "row(s) could not be read",
    "missing_picture": "row(s) have no picture on disk",
    "ambiguous_picture": "row(s) name a picture that several files may be",
    "unreadable_picture": "row(s) have a picture that cannot be decoded",
}
#: Whose names say what went wrong: lost zeros, another folder.
_WITH_EXAMPLE = ("missing_picture", "ambiguous_picture")
_CONFLICTS = {
    "same_picture_and_text": "group(s) of the same picture and words are labelled differently",
    "same_picture": "group(s) of the same picture with other words are labelled differently",
    "same_text_without_picture": "text(s) without a picture are labelled differently",
}


def warnings_of(report: Report) -> Iterator[str]:
    """The sentences, those that lose data first."""
    n_left_out = Counter((item.split, item.kind) for item in report.left_out)
    first = {(item.split, item.kind): item.reason for item in reversed(report.left_out)}
    for (split, kind), n in n_left_out.items():
        example = f", the first: {first[split, kind]}" if kind in _WITH_EXAMPLE else ""
        yield f"{split}: {n} {_LEFT_OUT[kind]}; left out{example}"
    yield from map(str, report.unnamed)
    for counts in report.splits:
        yield from (f"{counts.split}: {respelled}" for respelled in counts.respelled)
        if counts.n_named_twice:
            yield f"{counts.split}: {counts.n_named_twice} picture(s) are named by more than one row"
        if counts.n_damaged:
            yield f"{counts.split}: {counts.n_damaged} of {counts.n_pictures} picture(s) are damaged and used as shown"
        if counts.n_empty_text:
            yield f"{counts.split}: {counts.n_empty_text} of {counts.n_usable} have no text; read it from the pictures"
        if counts.n_unlabelled:
            yield f"{counts.split}: {counts.n_unlabelled} of {counts.n_usable} have no label{_unheard(counts)}"
        if counts.unknown_groups:
            names = named(counts.unknown_groups[:_MAX_COLUMNS])
            yield f"{counts.split}: rows that attack {names} have no label of target, whose classes do not name that"
    n_conflicts = Counter((item.task, item.kind) for item in report.conflicts)
    for (task, conflict), n in n_conflicts.items():
        yield f"{task}: {n} {_CONFLICTS[conflict]}"
    yield from _duplicates(report)


def _unheard(counts: SplitCounts) -> str:
    """Where the labels of a split without any may stand."""
    columns = counts.unknown_columns
    if not columns or counts.n_unlabelled < counts.n_usable:
        return ""
    return (
        f"; of no known name are the columns {named(columns[:_MAX_COLUMNS])}: if one is the label, say so in "
        "label_map.yaml, as in 'COLUMN=VALUE: hateful=hateful'"
    )


def _duplicates(report: Report) -> Iterator[str]:
    for repeats in report.repeats:
        if repeats.kind == "id":
            yield f"{repeats.split}: {len(repeats.groups)} id(s) occur more than once"
        elif repeats.kind == "exact_picture":
            yield f"{repeats.split}: {repeats.n_redundant} picture(s) repeat another of the split byte for byte"
    for overlap in report.overlaps:
        share = f"{overlap.n_second} ({overlap.share_of_second:.1%}) of {overlap.second}"
        if overlap.kind == "any":
            yield f"leakage: {share} have their picture or words in {overlap.first} too ({overlap.n_first} there)"
        elif overlap.kind == "id":
            yield f"{share} have an id that is in {overlap.first} too"
