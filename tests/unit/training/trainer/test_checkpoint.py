import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from support.toy_training import PHASE, toy_examples, toy_learner

from training.data.examples import BOTH, Examples, Modalities
from training.trainer.checkpoint import CheckpointError, CheckpointFile
from training.trainer.context import TrainContext
from training.trainer.learner import Learner
from training.trainer.trainer import DivergedError, EpochResult, PhaseConfig, train_phase

Phase = Callable[..., list[EpochResult]]
SHORT = PHASE.model_copy(update={"epochs": 1, "image_tower_lr": 0.0})


class Recorder:
    """A tracker, and what is called after each epoch."""

    def __init__(self) -> None:
        self.values: list[tuple[int, Mapping[str, float]]] = []
        self.told: list[tuple[str, list[int]]] = []

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.values.append((step, values))

    def log_config(self, config: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...

    def on_epoch(self, label: str, results: Sequence[EpochResult]) -> None:
        self.told.append((label, [result.epoch for result in results]))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Examples, Examples]:
    folder = tmp_path_factory.mktemp("pictures")
    return toy_examples(24, folder), toy_examples(12, folder)


def train(
    data: tuple[Examples, Examples],
    folder: Path,
    config: PhaseConfig = SHORT,
    *,
    learner: Learner | None = None,
    seed: int = 0,
    modalities: Modalities = BOTH,
    recorder: Recorder | None = None,
) -> list[EpochResult]:
    recorder = recorder or Recorder()
    harness = TrainContext(checkpoint_dir=folder, tracker=recorder, on_epoch=recorder.on_epoch)
    learner = learner or toy_learner()
    return train_phase(learner, *data, config, seed=seed, modalities=modalities, label="toy", harness=harness)


def test_a_finished_phase_is_not_trained_again(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    first, again, recorder = toy_learner(), toy_learner(), Recorder()
    history = train(data, tmp_path, learner=first)
    assert train(data, tmp_path, learner=again, recorder=recorder) == history
    assert (recorder.values, recorder.told) == ([], [("toy", [1])])
    for name, values in first.state_dict().items():
        assert torch.equal(again.state_dict()[name], values)


def test_a_finished_phase_keeps_the_trained_weights_alone(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    train(data, tmp_path, SHORT.model_copy(update={"text_tower_lr": 0.0}))
    document = CheckpointFile(tmp_path, "toy").read()
    assert document is not None
    assert document.keys() == {"format", "fingerprint", "state"}
    kept = {name.split(".")[0] + "." + name.split(".")[1] for name in document["state"]["best"]}
    assert kept == {"network.fusion", "network.heads"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config": SHORT.model_copy(update={"fusion_lr": 0.1})}, r"phase\.fusion_lr: 0\.005 there, 0\.1 now"),
        ({"config": SHORT.model_copy(update={"precision": "bf16"})}, "precision: 'fp32' there, 'bf16' now"),
        ({"seed": 1}, "seed: 0 there, 1 now"),
        ({"modalities": Modalities(image=False)}, r"modalities\.image: True there, False now"),
        ({"learner": toy_learner({"label_smoothing": 0.1})}, r"losses\.label_smoothing: 0\.0 there, 0\.1 now"),
        ({"learner": toy_learner(dropout=False)}, r"network\.projection_dropout"),
    ],
)
def test_a_phase_with_other_settings_is_refused_with_what_differs(
    data: tuple[Examples, Examples], tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    train(data, tmp_path)
    with pytest.raises(CheckpointError, match=rf"toy\.pt was made with something else \({named}"):
        train(data, tmp_path, **change)


def test_a_phase_on_other_data_or_frozen_weights_is_refused(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    train(data, tmp_path)
    with pytest.raises(CheckpointError, match=r"\(dev: '12 samples, .* there, '24 samples, .* now\)"):
        train((data[0], data[0]), tmp_path)
    other = toy_learner()
    assert other.image_tower is not None
    torch.nn.init.ones_(other.image_tower.get_parameter("pool.weight"))
    with pytest.raises(CheckpointError, match="frozen weights"):
        train(data, tmp_path, learner=other)


def test_settings_without_effect_may_change(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    history = train(data, tmp_path)
    changed = SHORT.model_copy(update={"checkpoint_every_s": 1.0, "checkpoint_every_steps": None, "loading_threads": 0})
    assert train(data, tmp_path, changed) == history


def test_auto_goes_on_in_the_precision_that_the_phase_was_started_in(
    data: tuple[Examples, Examples], tmp_path: Path
) -> None:
    for precision in ("fp32", "bf16"):
        history = train(data, tmp_path / precision, SHORT.model_copy(update={"precision": precision}))
        assert train(data, tmp_path / precision, SHORT.model_copy(update={"precision": "auto"})) == history


class Intruder:
    """What runs code when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return os.mkdir, (self.folder,)


def test_a_damaged_checkpoint_is_named_and_stays(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    train(data, tmp_path)
    file = tmp_path / "toy.pt"
    whole = file.read_bytes()
    for content in (b"", b"not a checkpoint", whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"toy\.pt is damaged and cannot be read: delete it"):
            train(data, tmp_path)
        assert file.read_bytes() == content


def test_a_checkpoint_runs_no_code(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    torch.save({"format": 1, "state": Intruder(tmp_path / "intruder")}, tmp_path / "toy.pt")
    with pytest.raises(CheckpointError, match=r"toy\.pt is damaged"):
        train(data, tmp_path)
    assert not (tmp_path / "intruder").exists()


def test_a_loss_that_is_no_number_stops_with_its_step_and_keeps_the_checkpoint(
    data: tuple[Examples, Examples], tmp_path: Path
) -> None:
    wild = SHORT.model_copy(update={"fusion_lr": 1e30, "checkpoint_every_steps": 1})
    with pytest.raises(DivergedError, match=r"'toy', epoch 1, step [2-4]: the loss is .*fusion_lr is 1e\+30"):
        train(data, tmp_path, wild)
    document = CheckpointFile(tmp_path, "toy").read()
    assert document is not None
    assert document["state"]["step"] >= 1


def test_trackers_get_every_tenth_step_and_each_epoch(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    recorder = Recorder()
    history = train(data, tmp_path, SHORT.model_copy(update={"epochs": 3}), recorder=recorder)
    steps = {step: set(values) for step, values in recorder.values}
    assert sorted(steps) == [4, 8, 10, 12]
    assert steps[10] == {"toy/loss", "toy/classification", "toy/grad_norm", "toy/lr_share"}
    assert dict(recorder.values)[12]["toy/dev/hateful"] == history[-1].dev["hateful"]
    assert recorder.told == [("toy", [1]), ("toy", [1, 2]), ("toy", [1, 2, 3])]


def test_labels_that_look_alike_as_file_names_keep_apart(tmp_path: Path) -> None:
    names = {CheckpointFile(tmp_path, label).path.name for label in ("seed 0 a/b", "seed 0 a:b", "seed-0-a-b")}
    assert len(names) == 3
    assert all(set(name) <= set("abdeps0123456789cft-.") for name in names)
