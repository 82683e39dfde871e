"""What each tracker wrote, read back from its files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

from model.errors import EngineUnavailableError
from training.errors import ConfigError
from training.trainer.trackers import Trackers, open_trackers

CONFIG = {"name": "toy", "phases": [{"epochs": 2, "fusion_lr": 0.001}], "data": {"train": ["a", "b"]}}
#: Trackers import much and warn about themselves: each is tried in a process of its own, with all network refused.
WRITE = """
import json, socket, sys
from pathlib import Path

def refused(*arguments):
    raise AssertionError(f"a connection to {arguments} was tried")

connect = socket.socket.connect
socket.socket.connect = lambda sock, address: (
    connect(sock, address) if sock.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1") else refused(address)
)
from training.trainer.trackers import open_trackers

for value in (0.5, 0.25):
    trackers = open_trackers([sys.argv[1]], Path(sys.argv[2]), "toy run")
    trackers.log_config(json.loads(sys.argv[3]))
    trackers.log(10 if value == 0.5 else 20, {"seed 0: reading/loss": value})
    trackers.close()
"""


def written_by(tracker: str, folder: Path) -> Path:
    """Two starts of one run, each of which logs one value."""
    subprocess.run([sys.executable, "-c", WRITE, tracker, str(folder), json.dumps(CONFIG)], check=True)
    return folder


def test_tensorboard_has_the_values_by_step_and_the_config(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415 - seconds

    for step, value in ((10, 0.5), (20, 0.25)):
        trackers = open_trackers(["tensorboard"], tmp_path, "toy run")
        trackers.log_config(CONFIG)
        trackers.log(step, {"seed 0: reading/loss": value})
        trackers.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    (tag,) = events.Tags()["scalars"]
    assert [(event.step, event.value) for event in events.Scalars(tag)] == [(10, 0.5), (20, 0.25)]
    assert tag == "seed 0: reading/loss"
    (text, *_) = events.Tags()["tensors"]
    assert b'"fusion_lr": 0.001' in events.Tensors(text)[0].tensor_proto.string_val[0]


@pytest.mark.slow
def test_mlflow_has_one_run_with_the_values_of_both_starts_in_a_local_folder(tmp_path: Path) -> None:
    folder = written_by("mlflow", tmp_path)
    (metric,) = folder.glob("mlruns/*/*/metrics/seed 0_ reading/loss")
    assert [line.split()[1:] for line in metric.read_text().splitlines()] == [["0.5", "10"], ["0.25", "20"]]
    (rate,) = folder.glob("mlruns/*/*/params/phases.0.fusion_lr")
    assert rate.read_text() == "0.001"


@pytest.mark.slow
def test_wandb_writes_offline_runs_under_one_id(tmp_path: Path) -> None:
    folder = written_by("wandb", tmp_path)
    run_id = (folder / "wandb_run_id").read_text()
    runs = sorted(folder.glob("wandb/offline-run-*"))
    assert len(runs) == 2
    for run, value in zip(runs, (b"0.5", b"0.25"), strict=True):
        (file,) = run.glob(f"run-{run_id}.wandb")
        content = file.read_bytes()
        assert b"seed 0: reading/loss" in content
        assert value in content
        assert b"fusion_lr" in content


def test_an_unknown_tracker_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown tracker 'neptune'; known trackers: tensorboard, mlflow, wandb"):
        open_trackers(["tensorboard", "neptune"], tmp_path / "logs", "toy")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("tracker", "extra"), [("mlflow", "tracking"), ("wandb", "tracking"), ("tensorboard", "train")]
)
def test_a_missing_package_is_named_with_the_extra_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracker: str, extra: str
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT)])
    monkeypatch.setattr(sys, "modules", {name: sys.modules[name] for name in sys.modules if name != tracker})
    with pytest.raises(EngineUnavailableError, match=rf"tracker '{tracker}' .*memeguard\[{extra}\]"):
        open_trackers([tracker], tmp_path, "toy")


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    trackers: Trackers = open_trackers([], tmp_path, "toy")
    trackers.log_config(CONFIG)
    trackers.log(1, {"loss": 1.0})
    trackers.close()
    assert list(tmp_path.iterdir()) == []
