"""One unit scored: its rows in chunks, and the journal that says which rows were being worked on when a worker died."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model import Failure, Meme, Scorer, Verdict
from serving.batch.input.image_loader import Opener
from serving.batch.input.items import Item
from serving.batch.output.output_schema import to_row, to_table
from serving.batch.partition_files import read_unit, write_table

#: Rows that go through the scorer together: as many as it takes through the network at once.
_CHUNK = 8


@dataclass(frozen=True)
class UnitTask:
    """Score ``unit`` into ``shard``. ``careful``: one row at a time; ``poisoned``: rows that killed workers."""

    number: int
    unit: Path
    shard: Path
    careful: bool = False
    poisoned: frozenset[int] = frozenset()


@dataclass
class Tally:
    """What became of rows: counts by decision and by error code."""

    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def n_rows(self) -> int:
        """All of them."""
        return self.decisions.total() + self.errors.total()

    def merge(self, other: "Tally") -> None:
        """Count all of another's."""
        self.decisions += other.decisions
        self.errors += other.errors

    def add(self, outcome: Verdict | Failure) -> None:
        """Count one."""
        if isinstance(outcome, Failure):
            self.errors[outcome.code] += 1
        else:
            self.decisions[outcome.decision] += 1


def score_unit(scorer: Scorer, opener: Opener, task: UnitTask, journal: Callable[[range, Tally], None]) -> None:
    """Score every row of a unit and write its shard.

    ``journal`` is called before rows are touched, with their places and what became of the rows before them. Raises
    what reading the unit and writing the shard raise; whatever a row brings about becomes its error.
    """
    items = read_unit(task.unit)
    rows: list[dict[str, Any]] = []
    done = Tally()
    for places in _chunks(len(items), task):
        journal(places, done)
        done = Tally()
        for place, outcome in zip(places, _outcomes(scorer, opener, task, items, places), strict=True):
            done.add(outcome)
            rows.append(to_row(str(items[place].id), outcome))
    journal(range(0), done)  # no row is to blame for what happens while the shard is written
    write_table(task.shard, to_table(rows, scorer.bundle.tasks))


def _chunks(n_rows: int, task: UnitTask) -> Iterator[range]:
    size = 1 if task.careful else _CHUNK
    for at in range(0, n_rows, size):
        yield range(at, min(at + size, n_rows))


def _outcomes(
    scorer: Scorer, opener: Opener, task: UnitTask, items: Sequence[Item], places: Collection[int]
) -> list[Verdict | Failure]:
    sound = [place for place in places if place not in task.poisoned]
    opened = dict(zip(sound, opener.memes([items[place] for place in sound]), strict=True))
    verdicts = iter(_scored(scorer, [one for one in opened.values() if isinstance(one, Meme)]))
    judged = {place: next(verdicts) if isinstance(one, Meme) else one for place, one in opened.items()}
    return [judged.get(place) or _poisoned(items[place]) for place in places]


def _poisoned(item: Item) -> Failure:
    message = (
        "scoring this item ended the process, or took longer than --item-timeout, again and again; it was left out"
    )
    return Failure(str(item.id), "killed_worker", message)


def _scored(scorer: Scorer, memes: Sequence[Meme]) -> list[Verdict | Failure]:
    """Score together; where that raises, one by one, so that only the culprit gets an error."""
    try:
        return scorer.score(memes)
    except Exception as error:
        if len(memes) == 1:
            return [Failure(str(memes[0].id), "internal_error", f"scoring raised {type(error).__name__}")]
        return [outcome for meme in memes for outcome in _scored(scorer, [meme])]
