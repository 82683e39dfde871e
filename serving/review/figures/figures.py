"""All figures of the leads' page."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from serving.review.figures.agreement import TaskAgreement, agreements
from serving.review.figures.calibration import Calibration, calibrations
from serving.review.figures.false_alarms import FalseAlarms, false_alarms
from serving.review.figures.reviewed import blind_answers, reviewed_decisions
from serving.review.figures.reviewers import ReviewerFigures, reviewer_figures
from serving.review.figures.workload import Day, QueueAge, days, queue_age


@dataclass(frozen=True)
class Figures:
    """What was done ``since`` then, and what waits now. ``reviewed``: decisions with feedback since then."""

    since: datetime
    reviewed: int
    agreement: tuple[TaskAgreement, ...]
    reviewers: tuple[ReviewerFigures, ...]
    calibration: tuple[Calibration, ...]
    false_alarms: FalseAlarms
    queue: QueueAge
    days: tuple[Day, ...]


def figures(connection: sa.Connection, age: timedelta = timedelta(days=30), now: datetime | None = None) -> Figures:
    """Of the last ``age``."""
    now = now or datetime.now(UTC)
    since = now - age
    answers = blind_answers(connection, since)
    reviewed = list(reviewed_decisions(connection, since))
    return Figures(
        since,
        len(reviewed),
        agreements(answers),
        reviewer_figures(connection, since, answers),
        calibrations(reviewed),
        false_alarms(reviewed),
        queue_age(connection, now),
        days(connection, now),
    )
