"""Runs with a teacher and a memory, from their config to a bundle: what is kept, resumed, measured and shipped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.dataset_files import write_json_lines
from support.runs import Workplace, dev_logits, done, invoke, results

from model import open_bundle
from training.evaluation.scoring import score_bundle
from training.kernel.soft_labels import read_soft_labels, write_soft_labels
from training.run.export.restore import restore
from training.run.folder import RunFolder
from training.trainer.trainer import predict

TAUGHT: dict[str, Any] = {"teacher": {"folds": 4}, "losses": {"distillation_weight": 0.5}, "memory": {}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A finished run at "run"."""
    place = Workplace(tmp_path_factory.mktemp("memory"), **TAUGHT)
    said = done(invoke(*place.train_arguments("run"))).output
    assert "asking the teacher about hateful" in said
    assert "remembering 24 training samples" in said
    return place


def test_the_network_stands_beside_itself_without_its_memory(place: Workplace) -> None:
    rows = results(place.folder / "run")["rows"]
    assert [row["model"] for row in rows] == ["fused", "fused_without_memory"]
    assert rows[0]["metrics"]["auroc"]["value"] > 0.9
    assert rows[0]["metrics"] != rows[1]["metrics"]


def test_the_soft_labels_are_kept_for_every_training_sample(place: Workplace) -> None:
    soft = read_soft_labels(place.folder / "run" / "teacher.safetensors", 24)
    assert ((soft > 0) & (soft < 1)).all()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_bundle_votes_as_the_run_does(place: Workplace, precision: str) -> None:
    out = place.folder / precision
    done(invoke(*place.export_arguments("run", "--precision", precision, "--out", str(out))))
    restored = restore(RunFolder(place.folder / "run"), place.folder / "cache")
    (expected,) = restored.logits(restored.dev)
    found = score_bundle(open_bundle(out), restored.dev.samples).logits["hateful"]
    alone = predict(restored.learner, restored.dev)[0]
    assert np.abs(found - expected).max() < (5e-3 if precision == "fp32" else 0.1 * np.abs(expected).max())
    assert np.abs(found - alone).max() > 0.1 * np.abs(expected).max()  # more than rounding may take
    assert [row.model for row in open_bundle(out).manifest.metrics] == ["fused"]


def test_a_run_stopped_after_its_last_epoch_ends_with_the_same_memory(place: Workplace) -> None:
    run = place.folder / "run"
    kept = {name: (run / name).read_bytes() for name in ("network.safetensors", "memory.safetensors", "results.md")}
    for name in ("done.json", *kept):
        (run / name).unlink()
    said = done(invoke(*place.train_arguments("run"))).output
    assert "going on with" in said
    assert "asking the teacher" not in said
    assert {name: (run / name).read_bytes() for name in kept} == kept


def test_a_run_whose_teacher_said_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    place = Workplace(tmp_path, **TAUGHT)
    done(invoke(*place.train_arguments("run")))
    (tmp_path / "run" / "done.json").unlink()
    path = tmp_path / "run" / "teacher.safetensors"
    write_soft_labels(path, 1 - read_soft_labels(path, 24))
    refused = invoke(*place.train_arguments("run"))
    assert refused.exit_code == 1
    assert "was made with something else (train: " in refused.output


@pytest.mark.parametrize(("modalities", "view"), [("text", "text"), ("image", "pooled_image")])
def test_a_twin_remembers_and_ships_its_own_modality_alone(tmp_path: Path, modalities: str, view: str) -> None:
    place = Workplace(tmp_path, **TAUGHT)
    done(invoke(*place.train_arguments("twin", f"modalities={modalities}")))
    done(invoke(*place.export_arguments("twin")))
    name = f"{modalities}_only"
    assert [row["model"] for row in results(tmp_path / "twin")["rows"]] == [name, f"{name}_without_memory"]
    restored = restore(RunFolder(tmp_path / "twin"), tmp_path / "cache")
    assert restored.memory is not None
    assert list(restored.memory.views) == [view]
    for expected, found in zip(*dev_logits(place, "twin"), strict=True):
        assert np.abs(expected - found).max() < 5e-3


def test_too_few_samples_for_the_folds_are_refused_before_training(tmp_path: Path) -> None:
    place = Workplace(tmp_path, **TAUGHT)
    refused = invoke(*place.train_arguments("run", "teacher.folds=13"))
    assert refused.exit_code == 1
    assert "teacher.folds is 13, so a teacher needs as many training samples of either class" in refused.output
    assert not RunFolder(tmp_path / "run").provenance.exists()  # so the same folder takes a corrected config


def test_a_memory_of_memes_without_words_is_refused_before_training(tmp_path: Path) -> None:
    place = Workplace(tmp_path, memory={})
    for path in place.memes.glob("*.jsonl"):
        rows = [json.loads(line) | {"text": ""} for line in path.read_text(encoding="utf-8").splitlines()]
        write_json_lines(path, rows)
    refused = invoke(*place.train_arguments("run"))
    assert refused.exit_code == 1
    assert "no training sample has the picture and words that a memory needs" in refused.output
    assert not RunFolder(tmp_path / "run").provenance.exists()
