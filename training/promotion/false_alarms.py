"""False alarms by group: harmless mentions that each bundle's own policy sends to review or blocks.

Groups are those that a set's authors name, or else the identity terms in its words. Items outside all groups are in
the table, for comparison, and under no rule.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.evaluation.groups import by_whom_they_name
from training.evaluation.metrics.measures import Mask
from training.promotion.groups import Pair, rate_line
from training.promotion.results import AlarmLine, Comparison
from training.promotion.rules import Limits, rises_surely, rises_too_much


@dataclass(frozen=True)
class Stopped:
    """Which items [N] of a pair are harmless, and which of all each policy stops."""

    harmless: Mask
    champion: Mask
    challenger: Mask


def alarm_lines(pair: Pair, stopped: Stopped, *, n_resamples: int, seed: int) -> list[AlarmLine]:
    """False alarms of both bundles in every group of the set; of a group without harmless items only its name."""
    grouping, lines = by_whom_they_name(pair.samples), []
    for name, mask in grouping.masks.items():
        rows = np.flatnonzero(mask & stopped.harmless)
        group = f"{grouping.name.replace('_', ' ')}: {name}"
        found = None
        if len(rows):
            alarms = stopped.champion[rows], stopped.challenger[rows]
            line = rate_line(pair, alarms, "false_alarms", "harmless but stopped", n_resamples, seed)
            found = replace(line, group=group)
        is_reference = name == grouping.reference
        lines.append(AlarmLine(pair.data, pair.task.name, group, len(rows), is_reference=is_reference, line=found))
    return lines


def with_notes(comparison: Comparison, limits: Limits) -> Comparison:
    """The comparison with what its false alarms leave open: groups too small to judge, differences not yet sure."""
    return replace(comparison, notes=[*comparison.notes, *_notes(comparison.alarms, limits)])


def _notes(alarms: Sequence[AlarmLine], limits: Limits) -> Iterator[str]:
    groups = [one for one in alarms if not one.is_reference]
    small = [one for one in groups if one.n < limits.min_group_items]
    for data, task in dict.fromkeys((one.data, one.task) for one in small):
        names = ", ".join(_in_words(one) for one in small if (one.data, one.task) == (data, task))
        yield (
            f"{data}, {task}: false alarms were not judged in groups with fewer than {limits.min_group_items} harmless "
            f"items: {names}"
        )
    if len(small) == len(groups):
        yield (
            "no group has enough harmless items to judge its false alarms: give sets that name groups, as ToxiGen, "
            "RedditBias and madlibs do"
        )
    for one in groups:
        if one.line is not None and one.n >= limits.min_group_items and _is_open(one, limits):
            yield f"not sure, and so no ground to refuse: {one.line.in_words()}"


def _in_words(one: AlarmLine) -> str:
    """A group that was not judged, with its size and what was measured all the same."""
    measured = "" if one.line is None else f": {one.line.champion:.3f} to {one.line.challenger:.3f}"
    return f"{one.group.partition(': ')[2]} ({one.n}{measured})"


def _is_open(one: AlarmLine, limits: Limits) -> bool:
    return one.line is not None and rises_too_much(one.line, limits) and not rises_surely(one.line)
