"""Report on the shadows of a time: one set of figures for each that judged anything, as plain types."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from serving.review.figures.shadow.counts import ShadowCounts, ShadowFigures
from serving.review.figures.shadow.rows import (
    SubjectKey,
    Window,
    distinct_memes,
    n_decisions,
    shadow_labels,
    shadow_rows,
)

#: Of the JSON; ``memeguard promote --shadow-report`` reads it.
FORMAT, FORMAT_VERSION = "memeguard-shadow-report", 1


@dataclass(frozen=True)
class ShadowReport:
    """``decisions`` are all of the window, shadowed or not. ``is_cut``: older rows of it were left out."""

    window: Window
    made_at: datetime
    decisions: int
    shadows: tuple[ShadowFigures, ...]
    is_cut: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        since, until = (moment and moment.isoformat() for moment in (self.window.since, self.window.until))
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "since": since,
            "until": until,
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "decisions": self.decisions,
            "shadows": [asdict(one) for one in self.shadows],
        }


def shadow_report(connection: sa.Connection, window: Window, most: int | None = None) -> ShadowReport:
    """What came of the shadows of a window, of the ``most`` newest rows (None: all); those judged last come first."""
    labels, memes = shadow_labels(connection, window), distinct_memes(connection, window, most)
    counts: dict[SubjectKey, ShadowCounts] = {}
    n_rows = 0
    for row in shadow_rows(connection, window, most):
        n_rows += 1
        if row.subject not in counts:
            counts[row.subject] = ShadowCounts(row.subject)
        counts[row.subject].add(row, labels.get(row.decision_id, {}))
    figures = tuple(found.figures(memes.get(subject, 0)) for subject, found in counts.items())
    return ShadowReport(window, datetime.now(UTC), n_decisions(connection, window), figures, n_rows == most)
