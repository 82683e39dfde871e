"""One answer of several judgements of one post, as documents: what ``Verdict`` and ``Failure`` give as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.stress.targets.base import Answer, NotJudgedError

_TASK = "hateful"
#: Errors of a server's load, which another try may not meet.
_PASSING = {"deadline_exceeded", "out_of_time", "overloaded", "stopping"}


def strictest(results: Sequence[Mapping[str, Any]]) -> Answer:
    """Flagged when one of them blocks or asks for review; the score of hate is the highest.

    Raises ``NotJudgedError`` where one is an error and none flagged it, ``KeyError`` for other documents.
    """
    verdicts = [result for result in results if "error" not in result]
    flagged = any(verdict["decision"] != "allow" for verdict in verdicts)
    if len(verdicts) < len(results) and not flagged:
        code = next(str(result["error"]["code"]) for result in results if "error" in result)
        raise NotJudgedError(f"error {code}", is_final=code not in _PASSING)
    scores = [verdict["scores"].get(_TASK) for verdict in verdicts]
    return Answer(flagged, max((score for score in scores if isinstance(score, float)), default=None))
