"""The simulation against the formulas of queueing theory, and against what must hold of any queue."""

from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.queueing import Fleet, Floats, poisson_moments, simulate

_N = 120_000
_SERVICE_S = 0.2


def endless(workers: int = 1, threads: int = 1) -> Fleet:
    """No limit that a queue of these loads would reach."""
    return Fleet(workers, threads, max_pending=10**9, timeout_s=1e9)


def exponential(n: int, rng: np.random.Generator) -> Floats:
    return rng.exponential(_SERVICE_S, size=n)


def arrivals(load: float, threads: int, rng: np.random.Generator, n: int = _N) -> Floats:
    per_s = load * threads / _SERVICE_S
    return poisson_moments(per_s, n / per_s, rng)


def chance_to_wait(load: float, threads: int) -> float:
    """Erlang's C."""
    offered = load * threads
    waiting = offered**threads / factorial(threads) / (1 - load)
    return waiting / (sum(offered**n / factorial(n) for n in range(threads)) + waiting)


@pytest.mark.parametrize(("load", "threads"), [(0.7, 1), (0.9, 1), (0.7, 4), (0.9, 4)])
def test_times_of_chance_wait_as_erlang_says(load: float, threads: int) -> None:
    rng = np.random.default_rng(1)
    moments_s = arrivals(load, threads, rng)
    fleet = endless(threads=threads)
    outcome = simulate(fleet, moments_s, exponential(len(moments_s), rng), rng)
    waits_s = np.array(outcome.waits_s)
    expected = chance_to_wait(load, threads)
    assert np.mean(waits_s > 0) == pytest.approx(expected, abs=0.02)
    assert waits_s.mean() == pytest.approx(expected * _SERVICE_S / (threads * (1 - load)), rel=0.1)
    assert outcome.utilisation(fleet) == pytest.approx(load, abs=0.02)
    # The wait of those who wait is exponential, so its 99th percentile follows from Erlang's C as well.
    p99_s = np.log(expected / 0.01) * _SERVICE_S / (threads * (1 - load))
    assert np.quantile(waits_s, 0.99) == pytest.approx(p99_s, rel=0.1)


@pytest.mark.parametrize("load", [0.5, 0.7, 0.9])
def test_equal_times_wait_half_as_long(load: float) -> None:
    """The formula of M/D/1."""
    rng = np.random.default_rng(2)
    moments_s = arrivals(load, 1, rng)
    outcome = simulate(endless(), moments_s, np.full(len(moments_s), _SERVICE_S), rng)
    assert np.mean(outcome.waits_s) == pytest.approx(load * _SERVICE_S / (2 * (1 - load)), rel=0.1)


@pytest.mark.parametrize("load", [0.7, 0.9, 1.1])
@pytest.mark.parametrize("room", [1, 4, 16])
def test_a_bounded_queue_refuses_what_its_formula_says(load: float, room: int) -> None:
    """The formula of M/M/1/K."""
    rng = np.random.default_rng(3)
    moments_s = arrivals(load, 1, rng, n=30_000)
    fleet = Fleet(max_pending=room, timeout_s=1e9)
    outcome = simulate(fleet, moments_s, exponential(len(moments_s), rng), rng)
    refused = (1 - load) * load**room / (1 - load ** (room + 1))
    assert outcome.refused_share == pytest.approx(refused, abs=0.015)
    assert outcome.n_late == 0


def test_workers_that_chance_chooses_are_queues_of_their_own() -> None:
    rng = np.random.default_rng(4)
    moments_s = arrivals(0.8, 3, rng)
    outcome = simulate(endless(workers=3), moments_s, exponential(len(moments_s), rng), rng)
    assert np.mean(outcome.waits_s) == pytest.approx(0.8 * _SERVICE_S / (1 - 0.8), rel=0.1)


def test_more_than_can_be_judged_is_refused_and_the_rest_keeps_every_thread_busy() -> None:
    rng = np.random.default_rng(5)
    moments_s = arrivals(1.1, 2, rng, n=30_000)
    fleet = Fleet(threads=2, max_pending=64)
    outcome = simulate(fleet, moments_s, exponential(len(moments_s), rng), rng)
    assert outcome.utilisation(fleet) == pytest.approx(1.0, abs=0.01)
    assert outcome.refused_share == pytest.approx(1 - 1 / 1.1, abs=0.02)


def test_a_batch_that_shares_its_time_judges_more() -> None:
    rng = np.random.default_rng(6)
    moments_s = arrivals(2.0, 1, rng, n=30_000)
    services_s = np.full(len(moments_s), _SERVICE_S)
    judged = {
        shared_s: len(simulate(Fleet(max_batch=8, shared_s=shared_s), moments_s, services_s, rng).times_s)
        for shared_s in (0.0, 0.5)
    }
    # A full batch of eight takes 0.5 + 0.5 * 8 = 4.5 times as long as one meme.
    assert judged[0.0] == pytest.approx(len(moments_s) / 2, rel=0.02)
    assert judged[0.5] == pytest.approx(len(moments_s) / 2 * 8 / 4.5, rel=0.02)


@given(
    moments_s=st.lists(st.floats(0, 20), min_size=1, max_size=60),
    seed=st.integers(0, 2**16),
    threads=st.integers(1, 3),
    workers=st.integers(1, 3),
    max_batch=st.integers(1, 4),
    max_pending=st.integers(1, 8),
    timeout_s=st.floats(0.1, 5),
    shared_s=st.floats(0, 1),
)
def test_each_meme_is_judged_once_or_refused_once_and_none_is_begun_too_late(
    moments_s: list[float],
    seed: int,
    threads: int,
    workers: int,
    max_batch: int,
    max_pending: int,
    timeout_s: float,
    shared_s: float,
) -> None:
    rng = np.random.default_rng(seed)
    fleet = Fleet(workers, threads, max_pending, timeout_s, max_batch, shared_s)
    services_s = rng.uniform(0.01, 3, size=len(moments_s))
    outcome = simulate(fleet, np.sort(moments_s), services_s, rng)
    assert len(outcome.times_s) + outcome.n_full + outcome.n_late == len(moments_s)
    assert 0 <= min(outcome.waits_s) <= max(outcome.waits_s) <= timeout_s
    assert all(time_s > wait_s for time_s, wait_s in zip(outcome.times_s, outcome.waits_s, strict=True))
    assert outcome.busy_s <= services_s.sum() + 1e-9
    assert outcome.utilisation(fleet) <= 1 + 1e-9
