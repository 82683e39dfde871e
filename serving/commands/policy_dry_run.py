"""Trial of a policy on past verdicts: which decisions would be others, and by which rule."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from model import Policy
from model.errors.validation import in_words
from model.meme import has_words
from model.modality import Modality, modality_of
from model.ocr.types import OcrStatus
from model.policy.decide import grounds
from model.policy.scored_views import scored_views
from model.verdict import Decision, PictureStatus

NO_RULE = "no rule is met"

_Score = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
_Scores = dict[str, _Score | dict[str, _Score]]


class _PastText(BaseModel):
    content: str | None = None
    status: OcrStatus = "ok"


class _PastView(BaseModel):
    text: str
    scores: _Scores


class _PastPicture(BaseModel):
    status: PictureStatus = "ok"
    views: tuple[_PastView, ...] = ()


def _as_text(text: object) -> object:
    return {"content": text} if isinstance(text, str) else text


class PastVerdict(BaseModel):
    """What a trial reads of a verdict; whatever else a line holds is left alone."""

    id: str | None = None
    decision_id: str | None = None
    decision: Decision
    scores: _Scores
    text: Annotated[_PastText | None, BeforeValidator(_as_text)] = None
    picture: _PastPicture | None = None
    judged_as: Modality | None = None
    categories: dict[str, _Score] = {}

    @property
    def modality(self) -> Modality:
        """What was judged; of a verdict from before it was told, by what there is of the meme, if that is told."""
        if self.judged_as is not None:
            return self.judged_as
        is_text = "picture" in self.model_fields_set and self.picture is None
        content = self.text.content if self.text else None
        return modality_of(pictured=not is_text, worded=content is None or has_words(content))


@dataclass(frozen=True)
class BadLine:
    """A line that holds no verdict, by its number from 1; ``reason`` never quotes it."""

    line: int
    reason: str


@dataclass(frozen=True)
class Change:
    """A verdict whose decision would be another; ``rules`` are those that the new policy decides it by."""

    id: str
    old: Decision
    new: Decision
    rules: tuple[str, ...]


@dataclass
class Trial:
    """What came of it. ``without_words`` counts the verdicts on which word lists could not be tried."""

    transitions: Counter[tuple[Decision, Decision]] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    bad_lines: list[BadLine] = field(default_factory=list)
    failures: int = 0
    without_words: int = 0

    @property
    def n_verdicts(self) -> int:
        """Verdicts that both policies decided."""
        return self.transitions.total()

    @property
    def rules(self) -> Counter[tuple[Decision, Decision, str]]:
        """How many changes each rule brings; one change may have several."""
        return Counter((change.old, change.new, rule) for change in self.changes for rule in change.rules)


def try_policy(lines: Iterable[bytes], policy: Policy, against: Policy | None = None) -> Trial:
    """Hold past verdicts, a JSON object a line, against ``policy``.

    The decision of before is the one that a line holds, or that of the policy ``against``.
    """
    trial = Trial()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        for found in _verdicts(number, line):
            if isinstance(found, BadLine):
                trial.bad_lines.append(found)
            elif found is None:
                trial.failures += 1
            else:
                _compare(trial, found, number, policy, against)
    return trial


def _compare(trial: Trial, verdict: PastVerdict, number: int, policy: Policy, against: Policy | None) -> None:
    old = verdict.decision if against is None else _decided(verdict, against)[0]
    new, rules = _decided(verdict, policy)
    trial.transitions[old, new] += 1
    listed = policy.word_lists or (against is not None and against.word_lists)
    trial.without_words += bool(listed) and _words(verdict) is None
    if new != old:
        trial.changes.append(Change(verdict.id or verdict.decision_id or f"line {number}", old, new, rules))


def _decided(verdict: PastVerdict, policy: Policy) -> tuple[Decision, tuple[str, ...]]:
    matches = policy.words.find(_words(verdict) or "")
    text_status = verdict.text.status if verdict.text else "ok"
    picture_status = verdict.picture.status if verdict.picture else "ok"
    views = scored_views(verdict.scores, verdict.modality, verdict.picture, verdict.categories)
    found = grounds(views, text_status, matches, policy, picture_status)
    if not found:
        return "allow", (NO_RULE,)
    decision = found[0].decision
    return decision, tuple(ground.rule for ground in found if ground.decision == decision)


def _words(verdict: PastVerdict) -> str | None:
    return verdict.text.content if verdict.text else None


def _verdicts(number: int, line: bytes) -> Iterator[PastVerdict | BadLine | None]:
    """The verdicts of a line; None for a failure, which had no decision and gets none."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        yield BadLine(number, "not JSON in UTF-8")
        return
    several = document.get("results") if isinstance(document, dict) else None
    for row in several if isinstance(several, list) else [document]:
        yield None if isinstance(row, dict) and row.get("error") is not None else _verdict(number, row)


def _verdict(number: int, row: Any) -> PastVerdict | BadLine:
    if not isinstance(row, dict):
        return BadLine(number, "not a JSON object")
    try:
        return PastVerdict.model_validate(row)
    except ValidationError as error:
        return BadLine(number, in_words(error, "verdict"))
