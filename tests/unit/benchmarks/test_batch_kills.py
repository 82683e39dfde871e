from typing import Any

import pytest

from benchmarks.batch_kills import differences

ANSWER: dict[str, Any] = {
    "id": "m1",
    "decision_id": "one",
    "decision": "allow",
    "scores": {"hateful": 0.25, "attack": {"mocking": 0.5, "none": 0.5}},
    "timings_ms": {"total": 3.0},
}


def test_what_belongs_to_one_call_and_the_last_digits_of_scores_are_no_difference() -> None:
    other = ANSWER | {
        "decision_id": "two",
        "timings_ms": {"total": 9.0},
        "explanation": None,
        "scores": {"hateful": 0.250001, "attack": {"mocking": 0.500001, "none": 0.499999}},
    }
    assert differences(ANSWER, other) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"decision": "block"}, ["decision"]),
        ({"error": {"code": "corrupt", "message": "cut short"}}, ["error"]),
        ({"scores": {"hateful": 0.2501, "attack": {"mocking": 0.5, "none": 0.5}}}, ["scores"]),
        ({"scores": {"hateful": 0.25, "attack": {"mocking": 0.51, "none": 0.5}}}, ["scores"]),
        ({"scores": {"hateful": 0.25}}, ["scores"]),
        ({"id": "m2", "decision": "review"}, ["decision", "id"]),
    ],
)
def test_every_other_difference_is_named(changed: dict[str, Any], named: list[str]) -> None:
    assert differences(ANSWER, ANSWER | changed) == named
    assert differences(ANSWER | changed, ANSWER) == named
