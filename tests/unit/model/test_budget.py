"""The budget of an item: work is counted in CPU time of the thread that does it, and a deadline ends it too."""

import threading
import time
from collections.abc import Generator

from model.budget import Budget, result_of


def _work(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_work_is_counted_and_spends_the_budget() -> None:
    budget = Budget(work_s=0.05)
    with budget.counted():
        _work(0.02)
    spent = [budget.is_spent]
    assert 0.02 <= budget.used_s < 0.05
    with budget.counted():
        _work(0.04)
        spent.append(budget.is_spent)
    assert [*spent, budget.is_spent] == [False, True, True], "it should be seen while the work goes on"


def test_waiting_costs_nothing_and_nested_work_counts_once() -> None:
    budget = Budget()
    with budget.counted(), budget.counted():
        time.sleep(0.1)
        _work(0.02)
    assert 0.02 <= budget.used_s < 0.08


def test_work_on_several_threads_one_after_the_other_adds_up() -> None:
    budget = Budget()

    def piece() -> None:
        with budget.counted():
            _work(0.02)

    for _ in range(3):
        thread = threading.Thread(target=piece)
        thread.start()
        thread.join()
    assert 0.06 <= budget.used_s < 0.2


def test_a_deadline_spends_the_budget_without_work() -> None:
    assert Budget(deadline=time.monotonic() - 1).is_spent
    assert not Budget(deadline=time.monotonic() + 60).is_spent


def test_the_result_of_steps_is_what_they_return() -> None:
    done = []

    def steps() -> Generator[None, None, str]:
        for number in range(3):
            done.append(number)
            yield
        return "read"

    assert result_of(steps()) == "read"
    assert done == [0, 1, 2]
