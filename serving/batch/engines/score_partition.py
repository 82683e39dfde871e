"""Scoring of one partition: its rows in chunks, each announced before it is touched, in case the worker dies there."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from model import Failure, Meme, Scorer, Verdict
from serving.batch.input.image_loader import ImageLoader
from serving.batch.input.items import Item
from serving.batch.input.picture_paths import Resolved
from serving.batch.output.shard_format import Scored, ShardFormat
from serving.batch.partition_files import read_partition, write_table

#: Rows that go through the scorer together: as many as it takes through the network at once.
_CHUNK = 8


@dataclass(frozen=True)
class PartitionTask:
    """Score ``partition`` into ``shard``. ``row_by_row``: one row at a time; ``poisoned``: rows that killed workers."""

    number: int
    partition: Path
    shard: Path
    row_by_row: bool = False
    poisoned: frozenset[int] = frozenset()


@dataclass
class OutcomeCounts:
    """Counts of scored rows, by decision and by error code."""

    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def n_rows(self) -> int:
        """All of them."""
        return self.decisions.total() + self.errors.total()

    def merge(self, other: "OutcomeCounts") -> None:
        """Count all of another's."""
        self.decisions += other.decisions
        self.errors += other.errors

    def add(self, outcome: Verdict | Failure) -> None:
        """Count one."""
        if isinstance(outcome, Failure):
            self.errors[outcome.code] += 1
        else:
            self.decisions[outcome.decision] += 1


def score_partition(
    scorer: Scorer,
    images: ImageLoader,
    shard_format: ShardFormat,
    task: PartitionTask,
    on_chunk: Callable[[range, OutcomeCounts], None],
) -> None:
    """Score every row of a partition and write its shard.

    ``on_chunk`` is called before rows are touched, with their indices and the counts of the rows before them. Raises
    what reading the partition and writing the shard raise; whatever a row brings about becomes its error.
    """
    items = read_partition(task.partition)
    rows: list[dict[str, Any]] = []
    done = OutcomeCounts()
    score = partial(_scored, scorer, shard_format)
    for indices in _chunks(len(items), task):
        on_chunk(indices, done)
        done = OutcomeCounts()
        resolved = {index: images.resolve(items[index]) for index in indices if index not in task.poisoned}
        for index, scored in zip(indices, _outcomes(score, images, items, indices, resolved), strict=True):
            done.add(scored.outcome)
            found = resolved[index].found if index in resolved else None
            rows.append(shard_format.row(items[index], scored, found))
    on_chunk(range(0), done)  # no row is to blame for what happens while the shard is written
    write_table(task.shard, shard_format.table(rows, scorer.bundle.tasks))


def _chunks(n_rows: int, task: PartitionTask) -> Iterator[range]:
    size = 1 if task.row_by_row else _CHUNK
    for at in range(0, n_rows, size):
        yield range(at, min(at + size, n_rows))


def _outcomes(
    score: Callable[[Sequence[Meme]], list[Scored]],
    images: ImageLoader,
    items: Sequence[Item],
    indices: Collection[int],
    resolved: dict[int, Resolved],
) -> list[Scored]:
    """What became of each row; one that is not ``resolved`` is poisoned."""
    loaded: dict[int, Meme | Failure] = {n: one.failure for n, one in resolved.items() if one.failure is not None}
    wanted = [index for index in resolved if index not in loaded]
    loaded.update(zip(wanted, images.memes([resolved[index].item for index in wanted]), strict=True))
    verdicts = iter(score([one for one in loaded.values() if isinstance(one, Meme)]))
    judged = {index: next(verdicts) if isinstance(one, Meme) else Scored(one) for index, one in loaded.items()}
    return [judged.get(index) or Scored(_poisoned(items[index])) for index in indices]


def _poisoned(item: Item) -> Failure:
    message = (
        "scoring this item ended the process, or took longer than --item-timeout, again and again; it was left out"
    )
    return Failure(str(item.id), "killed_worker", message)


def _scored(scorer: Scorer, shard_format: ShardFormat, memes: Sequence[Meme]) -> list[Scored]:
    """Score together; where that raises, one by one, so that only the culprit gets an error."""
    try:
        return shard_format.score(scorer, memes)
    except Exception as error:
        if len(memes) == 1:
            return [Scored(Failure(str(memes[0].id), "internal_error", f"scoring raised {type(error).__name__}"))]
        return [scored for meme in memes for scored in _scored(scorer, shard_format, [meme])]
