"""Extension of python-threatexchange: signal types and a classifier that ask Memeguard.

``tx config extensions add serving.signals.threatexchange`` adds the signal types; what they ask is said by the
environment (``moderator.py``). The signal of content is what was said of it, such as
``decision=review;hateful=0.7312;offensive=0.2204``. A signal that is exchanged is a rule: ``decision>=review``, or
``hateful>=0.9``. Content matches a rule that holds; content of which not all could be judged matches every rule but
``decision>=block``, so that somebody looks at it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from threatexchange.classifier.classifier import ClassificationInfo, ClassificationResult, Classifier
from threatexchange.content_type.content_base import ContentType
from threatexchange.content_type.photo import PhotoContent
from threatexchange.content_type.text import TextContent
from threatexchange.extensions.manifest import ThreatExchangeExtensionManifest
from threatexchange.signal_type.index import (
    SignalSimilarityInfo,
    SignalSimilarityInfoWithSingleDistance,
    SignalTypeIndex,
)
from threatexchange.signal_type.signal_base import (
    FileHasher,
    SignalComparisonResult,
    SignalType,
    TextHasher,
    TrivialLinearSearchHashIndex,
)

from model.meme import has_words
from model.verdict import DECISIONS, Decision
from serving.signals.moderator import Answer, Moderator, configured

_RULE = re.compile(r"decision>=(?P<decision>review|block)|(?P<task>[a-z][a-z0-9_]*)>=(?P<limit>0?\.[0-9]+|0|1(\.0+)?)")
_DECISION, _UNJUDGED = "decision", "unjudged"
_SAID = re.compile(r"decision=(allow|review|block)(;[a-z][a-z0-9_]*=[a-z0-9_.]+)*")


@dataclass(frozen=True)
class Rule:
    """A rule: at least this decision, or at least this score of a task."""

    decision: Decision | None = None
    task: str = ""
    limit: float = 0.0


def signal_of(answer: Answer) -> str:
    """What was said of content, as its signal."""
    scores = [f"{task}={score:.4f}" for task, score in sorted(answer.scores.items())]
    unjudged = [] if answer.unjudged is None else [f"{_UNJUDGED}={answer.unjudged}"]
    return ";".join([f"{_DECISION}={answer.decision}", *scores, *unjudged])


def answer_of(signal: str) -> Answer:
    """The other way round; raises ``ValueError`` for a text that is no such signal."""
    if not _SAID.fullmatch(signal):
        raise ValueError(f"{signal!r} is neither a rule (decision>=review, hateful>=0.9) nor what is said of content")
    members = dict(member.split("=", 1) for member in signal.split(";"))
    found = members.pop(_DECISION)
    decision = next(decision for decision in DECISIONS if decision == found)
    unjudged = members.pop(_UNJUDGED, None)
    return Answer(decision, {task: float(score) for task, score in members.items()}, unjudged)


def rule_of(signal: str) -> Rule | None:
    """The rule that a signal is; None where it is none."""
    found = _RULE.fullmatch(signal)
    if found is None:
        return None
    if found["decision"]:
        return Rule(next(decision for decision in DECISIONS if decision == found["decision"]))
    return Rule(task=found["task"], limit=float(found["limit"]))


def compared(rule: Rule, answer: Answer) -> SignalComparisonResult:
    """Whether what was said meets a rule. The distance is how far it is from the strictest that can be said."""
    if rule.decision is not None:
        strictest = len(DECISIONS) - 1
        place = DECISIONS.index(answer.decision)
        return _result(place >= DECISIONS.index(rule.decision), float(strictest - place))
    score = answer.scores.get(rule.task)
    if score is None:  # not judged, or a bundle without this task: somebody should look
        return SignalComparisonResult(True, SignalSimilarityInfo())
    return _result(score >= rule.limit, round(1 - score, 4))


def _result(match: bool, distance: float) -> SignalComparisonResult:
    return SignalComparisonResult(match, SignalSimilarityInfoWithSingleDistance(distance))


class _MemeguardSignal(SignalType):
    """What the signals of pictures and of words have in common."""

    @classmethod
    def validate_signal_str(cls, signal_str: str) -> str:
        """A rule, or what is said of content; raises ``ValueError`` for anything else."""
        signal = super().validate_signal_str(signal_str)
        if rule_of(signal) is None:
            answer_of(signal)
        return signal

    @staticmethod
    def get_examples() -> list[str]:
        """Rules."""
        return ["decision>=review", "decision>=block", "hateful>=0.9"]

    @classmethod
    def compare_hash(cls, hash1: str, hash2: str) -> SignalComparisonResult:
        """A rule with what is said of content, in either order; two of a kind match where they are the same."""
        for one, other in ((hash1, hash2), (hash2, hash1)):
            rule = rule_of(one)
            if rule is not None and rule_of(other) is None:
                return compared(rule, answer_of(other))
        return SignalComparisonResult.from_bool_only(hash1 == hash2)


class MemeguardPhotoSignal(_MemeguardSignal, FileHasher):
    """Of a picture, with the words that are read from it."""

    @classmethod
    def get_content_types(cls) -> list[type[ContentType]]:
        """Pictures."""
        return [PhotoContent]

    @classmethod
    def get_index_cls(cls) -> type[SignalTypeIndex[object]]:
        """Rules are few: each is looked at."""
        return MemeguardPhotoIndex

    @classmethod
    def hash_from_file(cls, file: Path) -> str:
        """Ask; raises ``SignalError`` where that cannot be done."""
        return signal_of(configured().of_picture(file))


class MemeguardTextSignal(_MemeguardSignal, TextHasher):
    """Of words alone; of words of which nothing can be seen there is none."""

    @classmethod
    def get_content_types(cls) -> list[type[ContentType]]:
        """Words."""
        return [TextContent]

    @classmethod
    def get_index_cls(cls) -> type[SignalTypeIndex[object]]:
        """Rules are few: each is looked at."""
        return MemeguardTextIndex

    @classmethod
    def hash_from_str(cls, text: str) -> str:
        """Ask; raises ``SignalError`` where that cannot be done."""
        return signal_of(configured().of_words(text)) if has_words(text) else ""


class MemeguardPhotoIndex(TrivialLinearSearchHashIndex[object]):
    """Rules about pictures."""

    _SIGNAL_TYPE = MemeguardPhotoSignal


class MemeguardTextIndex(TrivialLinearSearchHashIndex[object]):
    """Rules about words."""

    _SIGNAL_TYPE = MemeguardTextSignal


@dataclass
class MemeguardInfo(ClassificationInfo):
    """One label with its score; a decision has none."""

    score: float | None = None

    def weight_str(self) -> str:
        """The score, for people."""
        return "" if self.score is None else f"{self.score:.4f}"


class MemeguardClassifier(Classifier):
    """Labels of a picture (the path of its file) or a text.

    ``review`` and ``block`` are the policy's decision, ``unjudged`` says that it is not of everything; a yes/no task
    matches from ``threshold`` on.
    """

    def __init__(self, moderator: Moderator | None = None, threshold: float = 0.5) -> None:
        self._moderator = moderator or configured()
        self._threshold = threshold

    @classmethod
    def get_content_types(cls) -> list[type[ContentType]]:
        """Pictures and words."""
        return [PhotoContent, TextContent]

    def classify(self, content_type: type[ContentType], content_val: str) -> ClassificationResult[MemeguardInfo]:
        """Ask; raises ``SignalError`` where that cannot be done, ``ValueError`` for another kind of content."""
        if content_type is PhotoContent:
            return self._labels(self._moderator.of_picture(Path(content_val)))
        if content_type is not TextContent:
            raise ValueError(f"{content_type.get_name()} is neither photo nor text")
        return (
            self._labels(self._moderator.of_words(content_val)) if has_words(content_val) else ClassificationResult({})
        )

    def _labels(self, answer: Answer) -> ClassificationResult[MemeguardInfo]:
        place = DECISIONS.index(answer.decision)
        decisions = {name: MemeguardInfo(place >= DECISIONS.index(name)) for name in get_args(Decision)[1:]}
        tasks = {task: MemeguardInfo(score >= self._threshold, score) for task, score in answer.scores.items()}
        return ClassificationResult(decisions | tasks | {_UNJUDGED: MemeguardInfo(answer.unjudged is not None)})


TX_MANIFEST = ThreatExchangeExtensionManifest(signal_types=(MemeguardPhotoSignal, MemeguardTextSignal))
