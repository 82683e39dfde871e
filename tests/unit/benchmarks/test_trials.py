"""Trials of a recipe: its first phase comes from a run, its memes are learnt anew."""

from pathlib import Path

import numpy as np
import pytest
from support.runs import Workplace, done, invoke

from benchmarks.trials import take_first_phase, train_memes
from training.kernel.config import MemoryConfig, TeacherConfig
from training.run.backbone import open_towers
from training.run.build import TrainingSetup, assemble
from training.run.config.file import load_train_config
from training.run.folder import RunFolder
from training.run.image_tower import finish_towers
from training.run.load_data import load_run_data
from training.trainer.predict import predict

MAPPED = {"0": "hateful=not_hateful, target=none", "1": "hateful=hateful, target=religion"}
MEMES = {"path": "memes", "layout": "hateful_memes", "label_map": MAPPED}
PHASE = {"epochs": 2, "batch_size": 8, "text_tower_lr": 0, "fusion_lr": 5.0e-3}
NETWORK = {"tasks": ["hateful", "target"], "width": 32, "encoder_heads": 4, "encoder_ff": 32, "knowledge": False}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A recipe as compact's: sentences, which networks share, then memes with a teacher's word; also a second task."""
    text = PHASE | {"name": "text", "modalities": "text", "shared_seed": 0}
    return Workplace(
        tmp_path,
        network=NETWORK,
        data={"train": [MEMES | {"split": "train"}], "dev": [MEMES | {"split": "dev"}]},
        phases=[text, PHASE | {"name": "memes", "losses": {"distillation_weight": 0.5}}],
        teacher={"folds": 4},
        memory={},
    )


def untrained(place: Workplace) -> TrainingSetup:
    config = load_train_config(place.config, (), place.folder / "data")
    cache = place.folder / "cache"
    data = load_run_data(config, cache)
    return assemble(config, data, finish_towers(open_towers(config, cache), config, data, cache), cache)


def test_the_first_phase_is_that_of_the_run_and_the_second_is_trained_with_the_teachers_word(place: Workplace) -> None:
    done(invoke(*place.train_arguments("run")))
    setup = untrained(place)
    before = predict(setup.learner.network, setup.dev)[0]
    take_first_phase(setup, RunFolder(place.folder / "run"))
    read = predict(setup.learner.network, setup.dev)[0]
    assert not np.allclose(before, read)
    remembering = train_memes(setup, TeacherConfig(folds=4), MemoryConfig())
    assert {task.name for task in setup.taught} == {"hateful"}
    assert not np.allclose(read, predict(setup.learner.network, setup.dev)[0])
    assert np.isfinite(predict(remembering, setup.dev)[0]).all()


def test_a_run_that_has_not_finished_its_first_phase_is_refused(place: Workplace, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has not finished its phase 'text': memeguard train"):
        take_first_phase(untrained(place), RunFolder(tmp_path / "empty"))
