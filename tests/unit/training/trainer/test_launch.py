"""Several processes from one command, here two on the CPU that talk through gloo."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from support import ROOT
from support.toy_training import outcome, toy_examples, toy_learner, train_toy
from torch import Tensor

from training.data.examples import Examples
from training.trainer.launch import LaunchError, is_worker, launch, needs_launch
from training.trainer.trainer import predict

TESTS = ROOT / "tests"
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
LAUNCHER = "import sys; from training.trainer.launch import launch; launch(int(sys.argv[1]), sys.argv[2:])"


def started(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *argv], env=ENVIRONMENT)


def toy(folder: Path) -> list[str]:
    return ["-m", "support.toy_training", str(folder)]


def children_once_written(launcher: subprocess.Popen[bytes], path: Path) -> list[psutil.Process]:
    while launcher.poll() is None and not path.is_file():
        time.sleep(0.01)
    found: list[psutil.Process] = psutil.Process(launcher.pid).children(recursive=True)
    return found


def logits(weights: dict[str, Tensor], dev: Examples) -> list[NDArray[np.float32]]:
    learner = toy_learner(dropout=False)
    learner.load_state_dict(weights)
    return predict(learner, dev)


@pytest.mark.slow
def test_two_processes_train_as_one_that_accumulates_and_are_killed_and_resumed_like_it(tmp_path: Path) -> None:
    killed = started("-c", LAUNCHER, "2", *toy(tmp_path / "two"))
    workers = children_once_written(killed, tmp_path / "two" / "checkpoint" / "toy.pt")
    killed.kill()
    assert killed.wait() != 0
    assert len(workers) >= 2
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    resumed = started("-c", LAUNCHER, "2", *toy(tmp_path / "two"))
    train_toy(tmp_path / "one", {"gradient_accumulation": 2}, dropout=False)
    assert resumed.wait() == 0
    (history, weights), (expected_history, expected_weights) = outcome(tmp_path / "two"), outcome(tmp_path / "one")
    assert [result["dev"] for result in history] == [result["dev"] for result in expected_history]
    assert [result["loss"] for result in history] == pytest.approx([result["loss"] for result in expected_history])
    dev = toy_examples(9, tmp_path)
    for found, expected in zip(logits(weights, dev), logits(expected_weights, dev), strict=True):
        assert np.abs(found - expected).max() < 1e-2 * np.abs(expected).max()


def test_a_worker_that_fails_ends_the_others_and_is_named() -> None:
    before = dict(os.environ)
    code = "import os, sys, time; sys.exit(3) if os.environ['RANK'] == '1' else time.sleep(600)"
    with pytest.raises(LaunchError, match=r"worker 1 of 2 ended with status 3"):
        launch(2, ["-c", code])
    assert dict(os.environ) == before


def test_a_worker_knows_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_worker()
    assert needs_launch(2)
    assert not needs_launch(1)
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert is_worker()
    assert not needs_launch(2)
