"""A sample of a run for people to label: the most uncertain items, and a share at random to measure by.

Written in the layout that training reads (a JSON Lines file beside ``img/``): fill in a class for each task and train.
"""

import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from model import Policy
from model.atomic import write_atomically
from serving.batch.finish import shard_path
from serving.batch.opening import Opener
from serving.batch.plan import Plan
from serving.batch.source import Item, Source

FOLDER = "review"
#: The share of the sample that is drawn at random: the uncertain items alone would say nothing of the whole.
_RANDOM_SHARE = 0.5


@dataclass(frozen=True, order=True)
class _Pick:
    rank: float
    id: str
    why: str
    row: dict[str, Any]


def write_review(out: Path, plan: Plan, policy: Policy, source: Source, opener: Opener, n_items: int) -> Path:
    """Write at most ``n_items`` items into ``OUT/review``; the same run gives the same sample."""
    picks = {pick.id: pick for pick in _picked(out, plan, policy, n_items)}
    folder = out / FOLDER
    lines = []
    for item in source.items():
        if item.id in picks:
            lines.append(_line(picks[item.id], item, opener, folder))
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomically(folder / "review.jsonl", content.encode())
    return folder


def _picked(out: Path, plan: Plan, policy: Policy, n_items: int) -> list[_Pick]:
    n_random = round(n_items * _RANDOM_SHARE)
    drawn = heapq.nsmallest(n_items, (_Pick(_draw(row["id"]), row["id"], "random", row) for row in _judged(out, plan)))
    chosen, spare = drawn[:n_random], drawn[n_random:]
    taken = {pick.id for pick in chosen}
    uncertain = heapq.nsmallest(
        n_items - n_random,
        (
            _Pick(distance, row["id"], "uncertain", row)
            for row in _judged(out, plan)
            if row["id"] not in taken and (distance := _distance(row, policy)) is not None
        ),
    )
    # Without thresholds nothing is uncertain, and the random share fills up.
    known = taken | {pick.id for pick in uncertain}
    fill = [pick for pick in spare if pick.id not in known][: n_items - len(known)]
    return [*uncertain, *chosen, *fill]


def _judged(out: Path, plan: Plan) -> Iterator[dict[str, Any]]:
    """Rows with a verdict, a shard in memory at a time."""
    for number in range(plan.n_units):
        table = pq.read_table(shard_path(out, number), columns=["id", "decision", "scores", "text"])
        yield from (row for row in table.to_pylist() if row["decision"] is not None)


def _draw(id: str) -> float:
    """A number of 0 to 1 that depends on the id alone."""
    return int.from_bytes(hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64


def _distance(row: dict[str, Any], policy: Policy) -> float | None:
    """How far the score that is nearest to a review threshold is from it."""
    distances = [
        abs(score - limits.review)
        for task, limits in policy.thresholds.items()
        if isinstance(score := row["scores"].get(task), float)
    ]
    return min(distances, default=None)


def _line(pick: _Pick, item: Item, opener: Opener, folder: Path) -> dict[str, Any]:
    """One row to label; the picture is copied, so that the folder can be handed on."""
    line: dict[str, Any] = {"id": pick.id}
    if item.image is not None:
        name = f"img/{hashlib.sha256(pick.id.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"
        write_atomically(folder / name, opener.read(item.image))
        line["img"] = name
    words = pick.row["text"]["content"]
    labels = dict.fromkeys((task for task, score in pick.row["scores"].items() if isinstance(score, float)), None)
    return line | {"text": words, "why": pick.why, "decision": pick.row["decision"], **labels}
