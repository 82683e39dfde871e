"""A network that learns sentences from what a larger one says of them: ``soft-labels``, and a run that listens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.dataset_files import write_hateful_memes
from support.runs import Workplace, done, invoke

from training.data.sentence_labels import SentenceLabels, read_sentence_labels, write_sentence_labels
from training.datasets.registry import Source, load_source

PHASE: dict[str, Any] = {"batch_size": 8, "fusion_lr": 5.0e-3}
READ: dict[str, Any] = {**PHASE, "name": "read", "epochs": 1, "sources": [1], "modalities": "text", "shared_seed": 0}
MEMES: dict[str, Any] = {**PHASE, "name": "memes", "epochs": 1, "sources": [0]}
#: Both teachers: one of sentences, in the first phase, and each network's own, of memes, in the second.
TAUGHT: dict[str, Any] = {
    "seeds": [0, 1],
    "towers": {"text": {"mode": "all_layers"}},
    "data": {"train": ["memes:train", "texts:train"], "dev": ["memes:dev"]},
    "phases": [
        READ | {"text_tower_lr": 1.0e-3, "losses": {"distillation_weight": 0.7}},
        MEMES | {"text_tower_lr": 0, "losses": {"distillation_weight": 0.5}},
    ],
    "teacher": {"folds": 4, "sources": [0]},
    "sentence_teacher": {"labels": "soft.safetensors", "sources": [1]},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Data, a config that listens, and "teacher", a finished run of words alone."""
    place = Workplace(tmp_path_factory.mktemp("taught"), **TAUGHT)
    write_hateful_memes(place.folder / "data" / "texts", {"train": 16})
    place.config.write_text(
        place.config.read_text(encoding="utf-8").replace("soft.safetensors", str(place.folder / "soft.safetensors"))
    )
    alone = ["sentence_teacher=null", "teacher=null", "seeds=null", "modalities=text"]
    quiet = ["phases.0.losses=null", "phases.1.losses=null", "phases.0.shared_seed=null"]
    done(invoke(*place.train_arguments("teacher", *alone, *quiet)))
    return place


def soft_labels_arguments(place: Workplace, out: Path) -> list[str]:
    folders = ["--data", str(place.folder / "data"), "--cache", str(place.folder / "cache"), "--out", str(out)]
    return ["soft-labels", str(place.folder / "teacher"), "--config", str(place.config), *folders]


def sentences(place: Workplace) -> list[str]:
    return [sample.text for sample in load_source(Source(path=place.folder / "data" / "texts", split="train")).samples]


@pytest.fixture(scope="module")
def said(place: Workplace) -> Path:
    path = place.folder / "soft.safetensors"
    told = done(invoke(*soft_labels_arguments(place, path))).output
    assert f"{len(set(sentences(place)))} sentences, hateful, by tiny 0.1.0, seed 0" in told
    return path


def test_the_teacher_speaks_of_each_sentence_and_of_nothing_else(place: Workplace, said: Path) -> None:
    labels = read_sentence_labels(said)
    assert not np.isnan(labels.of_texts(sentences(place))).any()
    assert len(labels.keys) == len(set(sentences(place)))


def weights_of(run: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = load_file(run / "networks" / "seed0-both" / "network.safetensors")
    return found


def test_a_run_learns_what_its_teacher_says(place: Workplace, said: Path) -> None:
    told = done(invoke(*place.train_arguments("listening"))).output
    assert "the teacher of sentences (tiny 0.1.0, seed 0) speaks of 16 of 16 samples" in told
    assert told.count("asking the teacher about hateful") == 2
    done(invoke(*place.train_arguments("deaf", "phases.0.losses.distillation_weight=0", "sentence_teacher=null")))
    ours, theirs = weights_of(place.folder / "listening"), weights_of(place.folder / "deaf")
    tower = [name for name in ours if name.startswith("network.text_tower.") and "layer.0" in name]
    assert tower
    assert any(not np.array_equal(ours[name], theirs[name]) for name in tower)


def test_a_run_whose_teacher_says_something_else_is_not_gone_on_with(place: Workplace, said: Path) -> None:
    own = place.folder / "own.safetensors"
    own.write_bytes(said.read_bytes())
    arguments = place.train_arguments("other", f"sentence_teacher.labels={own}")
    done(invoke(*arguments))
    (place.folder / "other" / "done.json").unlink()
    (place.folder / "other" / "networks" / "seed1-both" / "done.json").unlink()
    write_sentence_labels(own, SentenceLabels.of("hateful", "another", dict.fromkeys(sentences(place), 0.5)))
    refused = invoke(*arguments)
    assert refused.exit_code == 1
    assert "was made with something else (train: " in refused.output


@pytest.mark.parametrize(
    ("task", "said_of", "message"),
    [
        ("hateful", ["something else"], "it says nothing of any of the 16 samples of its sources"),
        ("offensive", ["something else"], "it speaks of 'offensive', and the binary tasks of this network are hateful"),
    ],
)
def test_a_teacher_that_has_nothing_to_say_is_refused_before_training(
    place: Workplace, tmp_path: Path, task: str, said_of: list[str], message: str
) -> None:
    path = tmp_path / "labels.safetensors"
    write_sentence_labels(path, SentenceLabels.of(task, "another", dict.fromkeys(said_of, 0.5)))
    refused = invoke(*place.train_arguments(str(tmp_path / "run"), f"sentence_teacher.labels={path}"))
    assert refused.exit_code == 1
    assert message in refused.output
    assert not (tmp_path / "run" / "history.jsonl").exists()


def test_a_file_that_is_not_there_is_refused_with_what_to_do(place: Workplace, tmp_path: Path) -> None:
    missing = f"sentence_teacher.labels={tmp_path / 'none'}"
    refused = invoke(*place.train_arguments(str(tmp_path / "run"), missing))
    assert refused.exit_code == 1
    assert "make it with `memeguard soft-labels`" in refused.output
