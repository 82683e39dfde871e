"""The table by which it is settled which attribute of Perspective a score may answer."""

import numpy as np

from benchmarks.perspective import QUESTIONS, Question, answer, kinds_of
from serving.perspective.attributes import TASK_OF


def test_a_question_looks_at_its_own_kinds_only() -> None:
    kinds = [kinds_of({"functionality": name, "label_gold": "hateful"}) for name in ("a", "a", "b", "b", "c")]
    scores = np.array([0.8, 0.9, 0.1, 0.2, 1.0])
    row = answer(Question("INSULT", "offensive", ("a",), ("b",)), kinds, scores)
    assert row.startswith("| INSULT | offensive | a | b | 4 | 1.000")


def test_every_attribute_that_is_answered_has_been_measured() -> None:
    assert {(question.attribute, question.task) for question in QUESTIONS} >= set(TASK_OF.items())
