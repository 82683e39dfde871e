"""Phases that are killed and started again, in processes of their own; see ``support.killing``."""

import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from support.killing import kill_at_sync, run, run_until_written
from support.toy_training import outcome, train_toy

EVERYTHING = {"rgcl_weight": 0.3, "contrastive_weight": 0.1, "contrastive_views": ["image", "text"]}


def training(folder: Path, losses: dict[str, Any] | None = None, settings: dict[str, Any] | None = None) -> None:
    torch.set_num_threads(1)
    train_toy(folder, settings, losses)


def training_killed_at_sync(folder: Path, nth: int, before: bool) -> None:
    kill_at_sync(nth, before=before)
    training(folder)


def assert_same_outcome(folder: Path, unbroken: Path) -> None:
    (history, weights), (expected_history, expected_weights) = outcome(folder), outcome(unbroken)
    assert history == expected_history
    assert weights.keys() == expected_weights.keys()
    assert all(torch.equal(weights[name], expected_weights[name]) for name in weights)


@pytest.mark.parametrize("losses", [{}, EVERYTHING])
@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_as_the_unbroken_one(tmp_path: Path, losses: dict[str, Any]) -> None:
    assert run(training, tmp_path / "unbroken", losses) == 0
    broken, rng, statuses = tmp_path / "broken", random.Random(len(losses)), []
    while not (broken / "history.json").is_file():
        moment = rng.randint(1, 6), rng.uniform(0, 0.1)
        statuses.append(run_until_written(broken / "checkpoint" / "toy.pt", *moment, training, broken, losses))
    assert len(statuses) > 2
    assert set(statuses[:-1]) == {-signal.SIGKILL}
    assert_same_outcome(broken, tmp_path / "unbroken")


@pytest.mark.slow
def test_a_run_killed_while_it_writes_goes_on_from_the_last_whole_checkpoint(tmp_path: Path) -> None:
    run(training, tmp_path / "unbroken")
    for nth, before in ((1, True), (3, False), (4, False), (7, True)):  # of two syncs a checkpoint: file, then folder
        assert run(training_killed_at_sync, tmp_path / "broken", nth, before) == -signal.SIGKILL
    assert list((tmp_path / "broken" / "checkpoint").glob("*.tmp"))
    assert run(training, tmp_path / "broken") == 0
    assert not list((tmp_path / "broken" / "checkpoint").glob("*.tmp"))
    assert_same_outcome(tmp_path / "broken", tmp_path / "unbroken")
