"""Format of the shards that a run writes: how memes are scored for them, and the columns of their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from model import Failure, Meme, Scorer, Verdict
from model.files.picture_finder import Found
from model.taxonomy import Task
from serving.batch.input.items import Item
from serving.batch.output.output_schema import to_row, to_table


@dataclass(frozen=True)
class Scored:
    """What became of a meme. ``columns``: what a format keeps of it beside that."""

    outcome: Verdict | Failure
    columns: Mapping[str, Any] = field(default_factory=dict)


class ShardFormat(Protocol):
    """Handed to worker processes, so it must be picklable.

    Totals and proofs read the columns id, decision, error, text (with ``status``) and scores; every format has them.
    """

    @property
    def needs_features(self) -> bool:
        """Whether judgements must hold features and fingerprints."""
        ...

    def score(self, scorer: Scorer, memes: Sequence[Meme]) -> list[Scored]:
        """Score memes together, in order."""
        ...

    def row(self, item: Item, scored: Scored, found: Found | None) -> dict[str, Any]:
        """The row of an item. ``found``: its picture, where that is called otherwise than the item says."""
        ...

    def table(self, rows: Sequence[Mapping[str, Any]], tasks: Sequence[Task]) -> pa.Table:
        """Rows of one shard, in order."""
        ...


@dataclass(frozen=True)
class VerdictRows:
    """The fields of the HTTP answer: what ``memeguard batch`` writes."""

    @property
    def needs_features(self) -> bool:
        """No."""
        return False

    def score(self, scorer: Scorer, memes: Sequence[Meme]) -> list[Scored]:
        """Verdicts, as the scorer gives them."""
        return [Scored(outcome) for outcome in scorer.score(memes)]

    def row(self, item: Item, scored: Scored, found: Found | None) -> dict[str, Any]:
        """See ``output_schema``."""
        return to_row(str(item.id), scored.outcome, found)

    def table(self, rows: Sequence[Mapping[str, Any]], tasks: Sequence[Task]) -> pa.Table:
        """See ``output_schema``."""
        return to_table(rows, tasks)
