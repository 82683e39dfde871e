"""Rows of the ledger that shadows made, beside the decisions in force."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from model.verdict import Decision, Score
from serving.ledger.queries import Label
from serving.ledger.tables import decisions, feedback, shadow_decisions

_AT_ONCE = 1000


@dataclass(frozen=True)
class SubjectKey:
    """A shadow as verdicts call it."""

    kind: str
    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class InForce:
    """The bundle and the policy that decided."""

    model_name: str
    model_version: str
    model_digest: str
    policy_name: str
    policy_version: str


@dataclass(frozen=True)
class ShadowRow:
    """One decision with what a shadow would have made of it; ``decision`` None: it did not judge it."""

    decision_id: str
    subject: SubjectKey
    outcome: str
    decision: Decision | None
    reasons: tuple[str, ...]
    in_force: InForce
    decision_in_force: Decision
    reasons_in_force: tuple[str, ...]
    scores_in_force: Mapping[str, Score]


@dataclass(frozen=True)
class Window:
    """What a shadow judged from ``since`` to before ``until``; None: without a bound."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, moment: sa.Column[datetime]) -> list[sa.ColumnElement[bool]]:
        """The conditions on a column of moments."""
        bounds = [] if self.since is None else [moment >= self.since]
        return bounds if self.until is None else [*bounds, moment < self.until]


def shadow_rows(connection: sa.Connection, window: Window, most: int | None = None) -> Iterator[ShadowRow]:
    """The rows of a window, the newest first, ``most`` of them; they are read a part at a time."""
    shadow, decided = shadow_decisions.c, decisions.c
    asked: sa.Select[Any] = (
        sa.select(
            shadow.decision_id,
            *(shadow[name] for name in ("kind", "name", "version", "digest", "outcome", "decision", "reasons")),
            *(decided[name] for name in ("model_name", "model_version", "model_digest", "policy_name")),
            decided.policy_version,
            decided.decision.label("decision_in_force"),
            decided.reasons.label("reasons_in_force"),
            decided.scores.label("scores_in_force"),
        )
        .join(decisions, decided.decision_id == shadow.decision_id)
        .where(*window.holds(shadow.created_at))
        .order_by(shadow.created_at.desc())
        .limit(most)
    )
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(asked):
        yield ShadowRow(
            row.decision_id,
            SubjectKey(row.kind, row.name, row.version, row.digest),
            row.outcome,
            row.decision,
            tuple(row.reasons or ()),
            InForce(row.model_name, row.model_version, row.model_digest, row.policy_name, row.policy_version),
            row.decision_in_force,
            tuple(row.reasons_in_force),
            row.scores_in_force,
        )


def shadow_labels(connection: sa.Connection, window: Window) -> dict[str, dict[str, Label]]:
    """By decision of the window what reviewers say of it, the last word on each task; those without are left out."""
    shadowed = sa.select(shadow_decisions.c.decision_id).where(*window.holds(shadow_decisions.c.created_at))
    said = sa.select(feedback.c.decision_id, feedback.c.labels).where(feedback.c.decision_id.in_(shadowed))
    labels: dict[str, dict[str, Label]] = {}
    for decision_id, given in connection.execute(said.order_by(feedback.c.feedback_id)):
        labels.setdefault(decision_id, {}).update(given)
    return labels


def distinct_memes(connection: sa.Connection, window: Window, most: int | None = None) -> dict[SubjectKey, int]:
    """How many different memes each shadow judged in those rows: the same one may have come many times."""
    shadow = shadow_decisions.c
    read = (
        sa.select(shadow.kind, shadow.name, shadow.version, shadow.digest, shadow.outcome, decisions.c.content_digest)
        .join(decisions, decisions.c.decision_id == shadow.decision_id)
        .where(*window.holds(shadow.created_at))
        .order_by(shadow.created_at.desc())
        .limit(most)
        .subquery()
    )
    key = (read.c.kind, read.c.name, read.c.version, read.c.digest)
    counted = (
        sa.select(*key, sa.func.count(read.c.content_digest.distinct()))
        .where(read.c.outcome == "judged")
        .group_by(*key)
    )
    return {SubjectKey(*row[:4]): row[4] for row in connection.execute(counted)}


def n_decisions(connection: sa.Connection, window: Window) -> int:
    """Decisions in force of the window, shadowed or not."""
    counted = sa.select(sa.func.count()).select_from(decisions).where(*window.holds(decisions.c.created_at))
    return connection.execute(counted).scalar_one()
