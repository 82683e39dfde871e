"""Sample of a run for people to label: the most uncertain items, and a share at random to measure by.

Written in the layout that training reads (a JSON Lines file beside ``img/``): fill in a class for each task and train.
"""

import hashlib
import heapq
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from model import Policy
from model.policy.scored_views import ScoredView, highest_named
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.image_loader import ImageLoader
from serving.batch.output.label_rows import ToLabel, rows_to_label, write_rows_to_label
from serving.batch.output.manifest import shard_path
from serving.batch.plan import Plan

FOLDER = "review"
SAMPLE_FILE = "review.jsonl"
#: The share of the sample that is drawn at random: the uncertain items alone would say nothing of the whole.
_RANDOM_SHARE = 0.5
_COLUMNS = frozenset({"id", "decision", "scores", "text", "judged_as"})
#: Times that others are drawn for pictures that are gone; each reads the input once more.
_MOST_DRAWS = 4


@dataclass(frozen=True)
class ReviewSample:
    """What was written into ``folder``. ``n_gone``: items left out because their pictures can no longer be read.

    ``n_items`` None: a sample was there already, and it was kept, since somebody may have labelled it.
    """

    folder: Path
    n_items: int | None = None
    n_gone: int = 0


@dataclass(frozen=True, order=True)
class _Pick:
    rank: float
    id: str
    why: str
    row: dict[str, Any]


def write_review_sample(
    out: Path, plan: Plan, policy: Policy, source: BatchInput, images: ImageLoader, n_items: int
) -> ReviewSample:
    """Write at most ``n_items`` items into ``OUT/review``; the same run gives the same sample."""
    folder = out / FOLDER
    if (folder / SAMPLE_FILE).exists():
        return ReviewSample(folder)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed here
    lines: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for _ in range(_MOST_DRAWS):
        picks = {pick.id: pick for pick in _pick(out, plan, policy, n_items, gone) if pick.id not in lines}
        if not picks:
            break
        chosen = {id: _to_label(pick) for id, pick in picks.items()}
        found, found_gone = rows_to_label(source.items(), chosen, images, folder)
        lines |= found
        gone |= found_gone
    write_rows_to_label(folder / SAMPLE_FILE, lines)
    return ReviewSample(folder, len(lines), len(gone))


def _pick(out: Path, plan: Plan, policy: Policy, n_items: int, gone: Collection[str]) -> list[_Pick]:
    n_random = round(n_items * _RANDOM_SHARE)
    judged = (row for row in _rows_with_verdict(out, plan) if row["id"] not in gone)
    drawn = heapq.nsmallest(n_items, (_Pick(_random_rank(row["id"]), row["id"], "random", row) for row in judged))
    chosen, spare = drawn[:n_random], drawn[n_random:]
    taken = {*gone, *(pick.id for pick in chosen)}
    uncertain = heapq.nsmallest(
        n_items - n_random,
        (
            _Pick(distance, row["id"], "uncertain", row)
            for row in _rows_with_verdict(out, plan)
            if row["id"] not in taken and (distance := _distance(row, policy)) is not None
        ),
    )
    # Without thresholds nothing is uncertain, and the random share fills up.
    n_more = n_items - len(chosen) - len(uncertain)
    known = {pick.id for pick in uncertain}
    return [*uncertain, *chosen, *[pick for pick in spare if pick.id not in known][:n_more]]


def _rows_with_verdict(out: Path, plan: Plan) -> Iterator[dict[str, Any]]:
    """Rows with a verdict, a shard in memory at a time."""
    for number in range(plan.n_partitions):
        shard = shard_path(out, number)
        # Shards of older versions have no judged_as.
        names = _COLUMNS.intersection(pq.read_schema(shard).names)
        table = pq.read_table(shard, columns=sorted(names))
        yield from (row for row in table.to_pylist() if row["decision"] is not None)


def _random_rank(id: str) -> float:
    """A number of 0 to 1 that depends on the id alone."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:8]) / 2**64


def _distance(row: dict[str, Any], policy: Policy) -> float | None:
    """How far the score that is nearest to a review threshold is from it."""
    whole = ScoredView(row.get("judged_as") or "both", row["scores"])
    distances = [
        abs(score - limits.of(whole.modality).review)
        for name, limits in policy.thresholds.items()
        if (score := highest_named([whole], name)) is not None
    ]
    return min(distances, default=None)


def _to_label(pick: _Pick) -> ToLabel:
    row = pick.row
    return ToLabel(pick.id, pick.why, row["decision"], row["text"]["content"], tuple(row["scores"]))
