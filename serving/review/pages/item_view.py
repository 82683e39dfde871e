"""View of an item: all that its page tells, and nothing that its reviewer may not know yet.

Where scores are hidden until the first decision, what tells one is left out here: scores, severities, the decision,
reasons that are scores, and what earlier decisions on the same content came to.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model import Policy
from serving.review.audit import SAID
from serving.review.history import History
from serving.review.likes import KnownLike
from serving.review.pages.policy_text import PolicyText, policy_text
from serving.review.pages.questions import Question, label_text, questions
from serving.review.shown import EarlierDecision, ShownItem
from serving.web.titles import class_title, task_title

#: As ``model.policy.decide`` words it where a score met a threshold: a name, the score, the bound.
_IS_SCORE = re.compile(r"^\S+ \d\.\d{3} >= ")
_DONE = {
    "taken": "took it",
    "left": "handed it back",
    "shown": "looked at it",
    "labelled": "labelled it",
    "cannot_judge": "could not judge it",
    "escalated": "escalated it",
    "skipped": "skipped it",
    "undone": "took that back",
    "appealed": "appealed it",
    "imported": "imported it",
    "golden_added": "made it a golden item",
    "golden_removed": "made it an ordinary item",
}
_REASON_HIDDEN = "A score of the model asked for review; it is hidden until you have decided."


@dataclass(frozen=True)
class ScoreLine:
    """A score as the page tells it."""

    title: str
    value: float


@dataclass(frozen=True)
class Earlier:
    """Another decision on the same content. ``decision`` is None while it is hidden."""

    created_at: datetime
    what: str
    decision: str | None
    said: str


@dataclass(frozen=True)
class ItemView:
    """An item as the page shows it. ``is_hidden``: what the model made of it is not told yet.

    ``said`` is this reviewer's own answer; the questions are not asked again then.
    """

    id: str
    created_at: datetime
    has_picture: bool
    picture_missing: bool
    text: str
    text_missing: bool
    tags: tuple[str, ...]
    is_hidden: bool
    is_held: bool
    said: str | None
    said_reason: str | None
    questions: tuple[Question, ...]
    decision: str | None
    scores: tuple[ScoreLine, ...]
    severity: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    policy: PolicyText
    remarks: tuple[str, ...]
    earlier: tuple[Earlier, ...]
    likes: tuple[KnownLike, ...]


def item_view(
    item: ShownItem,
    likes: tuple[KnownLike, ...],
    tasks: tuple[str, ...],
    policies: Mapping[str, Policy],
    *,
    hides_scores: bool,
) -> ItemView:
    """Of an item that its reviewer may see; ``tasks`` are those of the bundle."""
    row, said = item.decision, item.said
    is_hidden = hides_scores and said is None
    return ItemView(
        id=item.decision_id,
        created_at=row["created_at"],
        has_picture=item.has_picture,
        picture_missing=row["kind"] == "picture" and not item.has_picture,
        text=row["text"] or "",
        text_missing=row["text"] is None,
        tags=tuple(row["tags"] or ()),
        is_hidden=is_hidden,
        is_held=item.is_held,
        said=None if said is None else said_text(said.kind, said.labels),
        said_reason=None if said is None else said.reason,
        questions=questions(tasks or tuple(row["scores"])),
        decision=None if is_hidden else row["decision"],
        scores=() if is_hidden else _scores(row["scores"]),
        severity=() if is_hidden else tuple((task_title(task), band) for task, band in row["severity"].items()),
        reasons=_reasons(row["reasons"], is_hidden=is_hidden),
        policy=policy_text(row, policies),
        remarks=tuple(f"{one.reviewer} {did(one.kind)}: {one.reason or 'no reason given'}" for one in item.remarks),
        earlier=tuple(_earlier(one, is_hidden=is_hidden) for one in item.earlier),
        likes=likes,
    )


@dataclass(frozen=True)
class HistoryView:
    """The same of a decision whose history a lead looks at."""

    has_picture: bool
    picture_missing: bool
    text: str
    text_missing: bool
    tags: tuple[str, ...]
    scores: tuple[ScoreLine, ...]
    state: str
    elsewhere: tuple[Mapping[str, Any], ...]
    decision: str | None
    reasons: tuple[str, ...]
    is_hidden: bool = True


def history_view(history: History, lead: str, *, hides_scores: bool) -> HistoryView:
    """Scores of an item that waits are hidden from leads too, who may be given it, until they have spoken of it.

    ``is_hidden`` leaves the heat map out, which is asked for on the page of an item alone.
    """
    waits = history.item is not None and history.item["state"] != "decided"
    has_spoken = any(one.reviewer == lead and one.kind in SAID and not one.undone_at for one in history.actions)
    is_hidden = hides_scores and waits and not has_spoken
    row, noted = history.decision, {action.feedback_id for action in history.actions}
    is_picture = row["kind"] == "picture"
    return HistoryView(
        has_picture=is_picture and row["picture_stored"],
        picture_missing=is_picture and not row["picture_stored"],
        text=row["text"] or "",
        text_missing=row["text"] is None,
        tags=tuple(row["tags"] or ()),
        scores=() if is_hidden else _scores(row["scores"]),
        decision=None if is_hidden else row["decision"],
        reasons=_reasons(row["reasons"], is_hidden=is_hidden),
        state=_state(history),
        elsewhere=tuple(one for one in row["feedback"] if one["feedback_id"] not in noted),
    )


def did(kind: str) -> str:
    """A kind of action, as what somebody did."""
    return _DONE.get(kind, kind.replace("_", " "))


def said_text(kind: str, labels: Mapping[str, str | list[str]] | None) -> str:
    """What a reviewer said, in a line."""
    if kind == "labelled":
        return label_text(labels or {})
    return {"cannot_judge": "cannot judge", "escalated": "escalated to a lead", "skipped": "skipped"}.get(kind, kind)


def _scores(scores: Mapping[str, object]) -> tuple[ScoreLine, ...]:
    """A line for each yes/no task; of another the class with the highest score."""
    lines = []
    for task, score in scores.items():
        if isinstance(score, dict):
            name, value = max(score.items(), key=lambda one: one[1])
            lines.append(ScoreLine(f"{task_title(task)}: {class_title(name)}", value))
        elif isinstance(score, int | float):
            lines.append(ScoreLine(task_title(task), float(score)))
    return tuple(lines)


def _reasons(reasons: Sequence[str], *, is_hidden: bool) -> tuple[str, ...]:
    """Each once; one for all that are scores while those are hidden."""
    told = (_REASON_HIDDEN if is_hidden and _IS_SCORE.match(reason) else reason for reason in reasons)
    return tuple(dict.fromkeys(told))


def _earlier(one: EarlierDecision, *, is_hidden: bool) -> Earlier:
    what = "the same words and picture" if one.same_words else "the same picture with other words"
    return Earlier(
        one.created_at,
        what,
        None if is_hidden else one.decision,
        label_text(one.labels) if one.labels else "not reviewed",
    )


_STATES = {
    "open": "It waits for a reviewer.",
    "second": "It waits for a second reviewer.",
    "escalated": "It waits for a lead.",
    "golden": "It is a golden item: its answer is known, and reviewers are measured by it.",
    "decided": "It is decided.",
}


def _state(history: History) -> str:
    item = history.item
    if item is None:
        return "It was never sent to review."
    held = f" {item['claimed_by']} has it." if item["claimed_by"] else ""
    return _STATES[item["state"]] + held
