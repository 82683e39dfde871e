"""A window of the ledger to its distributions, read row by row."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from serving.drift.errors import DriftError
from serving.drift.features import Feature, Value, values_of
from serving.ledger.tables import decisions

#: Rows that are in memory at once.
_ROWS = 2_000
_READ = (
    "scores", "decision", "kind", "text_source", "text_status", "model_name", "model_version", "model_digest",
    "policy_name", "policy_version", "policy_digest", "measures",
)  # fmt: skip


@dataclass(frozen=True)
class Period:
    """From ``start`` to before ``end``; raises ``DriftError`` for one that holds no moment."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise DriftError(f"a window ends after it begins, and this one is from {self}")

    def __str__(self) -> str:
        return f"{_told(self.start)} to {_told(self.end)} UTC"

    def before(self) -> "Period":
        """The window of the same length right before it."""
        return Period(self.start - (self.end - self.start), self.start)


@dataclass(frozen=True)
class Window:
    """The decisions of a period: how many, and for each feature how often each value was there."""

    period: Period
    decisions: int = 0
    counts: dict[Feature, Counter[Value]] = field(default_factory=dict)

    def n(self, feature: Feature) -> int:
        """Decisions that say something of ``feature``; the others did not have it, or it was not kept."""
        return self.counts[feature].total() if feature in self.counts else 0


def read_window(connection: sa.Connection, period: Period) -> Window:
    """Count the decisions of a period. A million take a minute or so, and no more memory than a thousand."""
    columns = [decisions.c[name] for name in _READ]
    asked = sa.select(*columns).where(decisions.c.created_at >= period.start, decisions.c.created_at < period.end)
    counts: defaultdict[Feature, Counter[Value]] = defaultdict(Counter)
    n = 0
    for row in connection.execute(asked, execution_options={"yield_per": _ROWS}).mappings():
        n += 1
        for feature, value in values_of(row):
            counts[feature][value] += 1
    return Window(period, n, dict(counts))


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
