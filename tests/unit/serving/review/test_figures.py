import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from support.ledgers import database_of
from support.review_items import ANN, BEN, LEAD, add_decisions, doing

from serving.ledger.database import Database
from serving.ledger.queries import Label
from serving.review import actions
from serving.review.appeals import appeal
from serving.review.audit import Reviewer
from serving.review.figures.agreement import agreements, answer_value, cohen_kappa, krippendorff_alpha
from serving.review.figures.calibration import calibrations
from serving.review.figures.false_alarms import false_alarms
from serving.review.figures.figures import figures
from serving.review.figures.reviewed import Answer, ReviewedDecision
from serving.review.figures.shares import share
from serving.review.golden import add_golden
from serving.review.queue import Filters, Rules, take_next

YES, NO = "hateful", "not_hateful"


def _decision(score: float, label: str | None, text: str | None = "some words", decision: str = "review") -> Any:
    labels: dict[str, Label] = {} if label is None else {"hateful": label}
    return ReviewedDecision(f"{random.random()}", decision, {"hateful": score}, text, labels)


def test_kappa_is_that_of_the_textbook() -> None:
    """Of 50 proposals 20 are accepted by both, 15 refused by both: observed .7, by chance .5."""
    answers = [(YES, YES)] * 20 + [(YES, NO)] * 5 + [(NO, YES)] * 10 + [(NO, NO)] * 15
    assert cohen_kappa(answers) == pytest.approx(0.4)
    assert cohen_kappa([(YES, YES), (NO, NO)]) == 1
    assert cohen_kappa([(YES, NO), (NO, YES)]) == -1
    assert cohen_kappa([(YES, YES)] * 3) is None
    assert cohen_kappa([]) is None


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    """Four observers, twelve units, nominal data: .743 (Computing Krippendorff's Alpha-Reliability, 2011, C)."""
    units = ["111", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]
    assert krippendorff_alpha([list(unit) for unit in units]) == pytest.approx(0.743, abs=0.0005)
    assert krippendorff_alpha([[YES, YES], [YES, YES]]) is None
    assert krippendorff_alpha([[YES], [NO]]) is None


def test_agreement_is_of_items_that_two_answered() -> None:
    answers = [
        Answer("a", "ann", {"hateful": YES, "target": ["religion", "disability"]}, is_golden=False),
        Answer("a", "ben", {"hateful": NO, "target": ["disability", "religion"]}, is_golden=False),
        Answer("b", "ann", {"hateful": NO}, is_golden=False),
        Answer("b", "ben", {"hateful": NO}, is_golden=False),
        Answer("c", "ann", {"hateful": YES}, is_golden=False),
    ]
    hateful, target = agreements(answers)
    assert (hateful.task, hateful.items, hateful.reviewers) == ("hateful", 2, 2)
    (pair,) = hateful.pairs
    assert (pair.one, pair.other, pair.same.hits, pair.same.n, pair.kappa) == ("ann", "ben", 1, 2, 0.0)
    assert (target.task, target.items, target.alpha, target.pairs[0].same.hits) == ("target", 1, None, 1)
    assert answer_value(["b", "a"]) == "a + b"


def test_a_share_has_the_interval_of_wilson() -> None:
    one = share(8, 10)
    assert (one.value, one.low, one.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=0.0001)
    assert share(0, 5).low == 0
    assert share(5, 5).high == pytest.approx(1)
    assert share(0, 0).value is None


def test_calibration_is_perfect_where_as_many_are_positive_as_the_scores_say() -> None:
    reviewed = [_decision(0.25, YES if number < 25 else NO) for number in range(100)]
    reviewed += [_decision(1.0, YES)] * 100 + [_decision(0.5, None)]
    (hateful,) = calibrations(reviewed)
    assert (hateful.task, hateful.n, hateful.error) == ("hateful", 200, 0)
    assert [(one.low, one.positive.n) for one in hateful.bins if one.positive.n] == [(0.2, 100), (0.9, 100)]
    (wrong,) = calibrations([_decision(0.9, NO)] * 10)
    assert wrong.error == pytest.approx(0.9)


def test_false_alarms_are_counted_by_whom_the_words_name() -> None:
    found = false_alarms(
        [
            _decision(0.8, NO, "My MUSLIM neighbours and a nun from the catholic school"),
            _decision(0.8, YES, "a hindu wedding, her deaf aunt"),
            _decision(0.8, NO, "the train is late"),
            _decision(0.8, NO, None),
            _decision(0.1, NO, "a sikh wedding", "allow"),
            _decision(0.8, None, "a sikh wedding"),
        ]
    )
    assert (found.all.hits, found.all.n, found.without_words) == (3, 4, 1)
    assert {one.group: (one.harmless.hits, one.harmless.n) for one in found.groups} == {
        "no group named": (1, 1),
        "religion": (1, 2),
        "disability": (0, 1),
    }


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = database_of(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


def test_figures_are_of_what_reviewers_did(database: Database) -> None:
    do, twice = doing(database), Rules(second_share=1.0, golden_share=1.0)
    golden, _, second, appealed, *_ = add_decisions(database, {}, {"hours": 2}, {}, {}, {"hours": 30}, 2)
    do(add_golden, golden, {"hateful": YES}, LEAD, None)
    answers = {("ann", golden): YES, ("ben", golden): NO, ("ann", second): YES}
    for who, _ in product((ANN, BEN), range(4)):
        taken = do(take_next, who, Filters(younger_than=timedelta(hours=5)), twice)
        do(actions.label, taken, who, {"hateful": answers.get((who.name, taken), NO)}, None, twice)
    do(appeal, appealed, LEAD, None)
    do(take_next, Reviewer("cid"), Filters(source="appeal"), Rules())
    do(actions.cannot_judge, appealed, Reviewer("cid"), None)
    found = do(figures)
    (hateful,) = found.agreement
    assert (hateful.items, hateful.pairs[0].same.hits) == (3, 1)
    assert found.reviewed == 3
    told = {one.reviewer: (one.labelled, one.cannot_judge, one.golden.hits, one.golden.n) for one in found.reviewers}
    assert told == {"ann": (4, 0, 1, 1), "ben": (4, 0, 0, 1), "cid": (0, 1, 0, 0)}
    assert found.calibration[0].n == 3
    assert (found.false_alarms.all.hits, found.false_alarms.all.n) == (3, 3)
    assert (found.queue.waiting, found.queue.escalated) == (4, 1)
    assert [one.items for one in found.queue.buckets] == [3, 0, 0, 1, 0, 0]
    assert sum(one.answered for one in found.days) == 9
    assert sum(one.queued for one in found.days) == 6


def test_figures_of_an_empty_ledger_say_so(database: Database) -> None:
    found = doing(database)(figures)
    assert (found.reviewed, found.agreement, found.reviewers, found.calibration) == (0, (), (), ())
    assert found.false_alarms.all.value is None
    assert (found.queue.waiting, found.queue.oldest, len(found.days)) == (0, None, 30)
    assert found.days[-1].day in {datetime.now(UTC).date(), (datetime.now(UTC) - timedelta(minutes=1)).date()}
