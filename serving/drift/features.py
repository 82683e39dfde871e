"""What of a decision is compared, and how its values are counted.

Numbers are counted in steps, so that a window of a million decisions takes no more memory than one of a thousand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: "number" has an order and is tested by Kolmogorov-Smirnov; the values of "shares" have none.
Kind = Literal["number", "shares"]
#: "measured" may drift by itself; a "setting" is changed by somebody, and explains what is measured beside it.
Role = Literal["measured", "setting"]
#: A value: of numbers the number itself, in steps.
Value = float | str

_STEPS = 1_000  # of a probability
_MOST_CHARACTERS, _MOST_WORDS = 5_000, 1_000
SCORE = "score "


@dataclass(frozen=True)
class Feature:
    """One thing that is compared."""

    name: str
    kind: Kind
    role: Role = "measured"

    @property
    def is_probability(self) -> bool:
        """Whether its numbers lie between 0 and 1."""
        return self.kind == "number" and (self.name.startswith(SCORE) or self == OCR_CONFIDENCE)


DECISION = Feature("decision", "shares")
CHARACTERS = Feature("characters", "number")
WORDS = Feature("words", "number")
SCRIPT = Feature("script", "shares")
OCR_CONFIDENCE = Feature("OCR confidence", "number")
BANK_MATCH = Feature("bank match", "shares")
CONTENT = Feature("content", "shares")
READING = Feature("reading", "shares")
MODEL = Feature("model", "shares", "setting")
POLICY = Feature("policy", "shares", "setting")
#: In the order in which they are told; scores come after the decision.
FIXED = (DECISION, BANK_MATCH, CHARACTERS, WORDS, SCRIPT, OCR_CONFIDENCE, CONTENT, READING, MODEL, POLICY)


def score_feature(task: str, class_name: str | None = None) -> Feature:
    """The score of a task, or of one of its classes where it has several."""
    return Feature(f"{SCORE}{task}" if class_name is None else f"{SCORE}{task}: {class_name}", "number")


def values_of(row: Mapping[Any, Any]) -> Iterator[tuple[Feature, Value]]:
    """What a row of ``decisions`` says; nothing of what was not kept of it."""
    yield DECISION, row["decision"]
    yield CONTENT, row["kind"]
    yield READING, f"{row['text_source']}: {row['text_status']}"
    yield MODEL, f"{row['model_name']} {row['model_version']} ({row['model_digest'][:8]})"
    yield POLICY, f"{row['policy_name']} {row['policy_version']} ({row['policy_digest'][:8]})"
    for task, score in row["scores"].items():
        if isinstance(score, dict):
            for name, share in score.items():
                yield score_feature(task, name), _in_steps(share)
        else:
            yield score_feature(task), _in_steps(score)
    if row["measures"] is not None:
        yield from _measured(row["measures"])


def _measured(measures: Mapping[str, Any]) -> Iterator[tuple[Feature, Value]]:
    yield CHARACTERS, float(min(measures["characters"], _MOST_CHARACTERS))
    yield WORDS, float(min(measures["words"], _MOST_WORDS))
    yield SCRIPT, measures["script"]
    yield BANK_MATCH, "known" if measures["banks"] else "not known"
    if measures["ocr_confidence"] is not None:
        yield OCR_CONFIDENCE, _in_steps(measures["ocr_confidence"])


def _in_steps(probability: float) -> float:
    return round(probability * _STEPS) / _STEPS
