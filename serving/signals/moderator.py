"""Whom a signal asks: a bundle in this process, or a Memeguard server by its address."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, get_args

import httpcore

from model import Failure, Meme, Scorer, load
from model.bundle import COMPACT_BUNDLE
from model.errors import MemeError, MemeErrorCode
from model.verdict import Decision, strictest
from serving.signals.errors import SignalError
from serving.signals.partly_judged import PartlyJudged, not_judged, partly_judged

#: Not MEMEGUARD_...: these are no settings of a server, which refuses those that it does not know.
URL_VARIABLE, KEY_VARIABLE, BUNDLE_VARIABLE = "TX_MODERATOR_URL", "TX_MODERATOR_KEY", "TX_MODERATOR_BUNDLE"
_TIMEOUTS_S = {"connect": 10.0, "read": 120.0, "write": 60.0, "pool": 10.0}
_UNREACHABLE = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol)
_OK, _SERVERS_FAULT = 200, 500


@dataclass(frozen=True)
class Answer:
    """What is said of one picture or text.

    ``unjudged`` is the code of why not all of it was judged: then there are no scores, and the decision is review, or
    block where a part is enough for that.
    """

    decision: Decision
    scores: Mapping[str, float] = field(default_factory=dict)
    unjudged: str | None = None


class Moderator(Protocol):
    """Judges; raises ``SignalError`` where it cannot be asked."""

    def of_picture(self, path: Path) -> Answer:
        """A picture's file, with the words that are read from it."""

    def of_words(self, text: str) -> Answer:
        """Words alone."""


class BundleModerator:
    """A bundle in this process."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def of_picture(self, path: Path) -> Answer:
        """See ``Moderator``."""
        return self._judged(path.read_bytes())

    def of_words(self, text: str) -> Answer:
        """See ``Moderator``."""
        try:
            return self._judged(Meme.from_text(text, limits=self._scorer.limits))
        except MemeError as error:
            return Answer("review", unjudged=error.code)

    def _judged(self, item: Meme | bytes) -> Answer:
        (outcome,) = self._scorer.score([item])
        if isinstance(outcome, Failure):
            return Answer("review", unjudged=outcome.code)
        return _answer(outcome.decision, outcome.scores, not_judged(outcome))


class ServerModerator:
    """A server at ``address``, such as https://memeguard.example.org, with a key where it wants one."""

    def __init__(self, address: str, key: str | None = None) -> None:
        self._url = f"{address.rstrip('/')}/v1/classify"
        self._headers = [("Content-Type", "application/json")]
        if key:
            self._headers.append(("Authorization", f"Bearer {key}"))

    def of_picture(self, path: Path) -> Answer:
        """See ``Moderator``."""
        return self._asked({"image": base64.b64encode(path.read_bytes()).decode("ascii")})

    def of_words(self, text: str) -> Answer:
        """See ``Moderator``."""
        return self._asked({"text": text})

    def _asked(self, item: dict[str, str]) -> Answer:
        body, timeouts = json.dumps(item).encode(), {"timeout": _TIMEOUTS_S}
        try:
            reply = httpcore.request("POST", self._url, headers=self._headers, content=body, extensions=timeouts)
        except _UNREACHABLE as error:
            raise SignalError(f"{self._url} cannot be reached: {error or type(error).__name__}") from error
        document = _document(reply.content)
        if reply.status == _OK and "decision" in document:
            text, picture = document["text"], document["picture"] or {}
            part = partly_judged(text["status"], picture.get("status"))
            return _answer(document["decision"], document["scores"], part)
        code = document.get("code", "")
        if reply.status < _SERVERS_FAULT and code in get_args(MemeErrorCode):
            return Answer("review", unjudged=code)
        raise SignalError(f"{self._url} answers {reply.status} {code}: {document.get('detail', 'no problem document')}")


def _answer(decision: Decision, scores: Mapping[str, Any], part: PartlyJudged | None) -> Answer:
    if part is None:
        return Answer(decision, _numbers(scores))
    return Answer(strictest(["review", decision]), unjudged=part.code)


def _document(content: bytes) -> dict[str, Any]:
    """The JSON object of an answer; an empty one where it is none, as from a proxy."""
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    """Scores of yes/no tasks."""
    return {task: score for task, score in scores.items() if isinstance(score, float | int)}


@cache
def configured() -> Moderator:
    """The one that the environment names, made at the first call: a server, or a bundle (default: the shipped one)."""
    address = os.environ.get(URL_VARIABLE)
    if address:
        return ServerModerator(address, os.environ.get(KEY_VARIABLE))
    return BundleModerator(load(os.environ.get(BUNDLE_VARIABLE) or COMPACT_BUNDLE))
