"""Runs of several seeds and of twins in one folder: what is trained once, resumed, measured on tests and shipped."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.dataset_files import write_hateful_memes
from support.killing import run_until_written
from support.runs import Workplace, done, invoke, results

from model import open_bundle
from model.export.restore import HeadWeights
from model.network.average import Average
from training.evaluation.scoring import score_bundle
from training.run.export.restore import restore
from training.run.folder import RunFolder
from training.trainer.checkpoint import CheckpointFile
from training.trainer.predict import predict

PHASE: dict[str, Any] = {"batch_size": 8, "fusion_lr": 5.0e-3, "checkpoint_every_steps": 1}
SEVERAL: dict[str, Any] = {
    "seeds": [0, 1],
    "twins": ["text"],
    "towers": {"text": {"mode": "all_layers"}},
    "data": {"train": ["memes:train", "texts:train"], "dev": ["memes:dev"], "tests": ["memes:test"]},
    "phases": [
        {**PHASE, "name": "read", "epochs": 1, "sources": [1], "modalities": "text", "text_tower_lr": 1.0e-3},
        {
            **PHASE,
            "name": "memes",
            "epochs": 2,
            "sources": [0],
            "text_tower_lr": 0,
            "losses": {"distillation_weight": 0.5, "label_smoothing": 0.1},
        },
    ],
    "teacher": {"folds": 4, "sources": [0]},
    "memory": {},
    "baselines": [0],
}


def workplace(folder: Path, **changed: Any) -> Workplace:
    place = Workplace(folder, **{**SEVERAL, **changed})
    write_hateful_memes(folder / "data" / "memes", {"train": 24, "dev": 12, "test": 12})
    write_hateful_memes(folder / "data" / "texts", {"train": 16})
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A finished run at "run"."""
    place = workplace(tmp_path_factory.mktemp("seeds"))
    done(invoke(*place.train_arguments("run")))
    return place


def shared_tower(place: Workplace, out: str, *overrides: str) -> Path:
    """A finished run in which all networks stand on one text tower."""
    done(invoke(*place.train_arguments(out, "phases.0.shared_seed=7", "pick=average", *overrides)))
    return place.folder / out


@pytest.fixture(scope="module")
def shared(place: Workplace) -> Path:
    return shared_tower(place, "shared")


def phases_of(run: Path) -> list[str]:
    """The phases that were trained, in their order."""
    return list(dict.fromkeys(json.loads(line)["phase"] for line in (run / "history.jsonl").read_text().splitlines()))


def text_tower(network: Path) -> dict[str, Any]:
    found = load_file(network / "network.safetensors")
    return {name: values for name, values in found.items() if name.startswith("network.text_tower.")}


def kept(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*.safetensors")}


def test_every_network_has_weights_of_its_own_and_a_shared_phase_is_trained_once(place: Workplace) -> None:
    run = place.folder / "run"
    assert sorted(path.name for path in (run / "networks").iterdir()) == [
        "seed0-both",
        "seed0-text",
        "seed1-both",
        "seed1-text",
    ]
    assert len(set(kept(run).values())) == 4 * 3
    assert phases_of(run) == [
        "seed0.0.read",
        "seed0-both.1.memes",
        "seed0-text.1.memes",
        "seed1.0.read",
        "seed1-both.1.memes",
        "seed1-text.1.memes",
    ]


def test_a_phase_with_a_seed_of_its_own_is_trained_once_for_all_seeds(place: Workplace, shared: Path) -> None:
    own = [f"seed{seed}-{shown}.1.memes" for seed in (0, 1) for shown in ("both", "text")]
    assert phases_of(shared) == ["shared.0.read", *own]
    first, *others = [text_tower(network) for network in sorted((shared / "networks").iterdir())]
    before = text_tower(place.folder / "run" / "networks" / "seed0-both")
    assert any(not torch.equal(first[name], before[name]) for name in first)
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)
    networks = [(network / "network.safetensors").read_bytes() for network in (shared / "networks").iterdir()]
    assert len(set(networks)) == 4


def test_a_shared_phase_does_not_depend_on_the_seeds_of_the_run(place: Workplace, shared: Path) -> None:
    alone = shared_tower(place, "alone", "seeds=null", "seed=5", "twins=[]")
    first, other = text_tower(shared / "networks" / "seed0-both"), text_tower(alone)
    assert all(torch.equal(first[name], other[name]) for name in first)
    assert phases_of(alone) == ["shared.0.read", "1.memes"]


def test_the_average_of_seeds_that_share_a_tower_holds_it_once_and_is_measured(place: Workplace, shared: Path) -> None:
    done(invoke(*place.export_arguments("shared", "--out", str(place.folder / "average"))))
    restored = restore(RunFolder(shared), place.folder / "cache")
    bundle = open_bundle(place.folder / "average")
    found = score_bundle(bundle, restored.dev.samples).logits["hateful"]
    per_network = [network.logits(restored.dev)[0] for network in restored.candidates]
    assert np.abs(found - np.mean(per_network, axis=0)).max() < 5e-3
    assert np.abs(per_network[0] - per_network[1]).max() > 5e-2
    weights = HeadWeights.read(bundle.file(bundle.manifest.head.file)).below("")
    assert [name for name in weights if name.endswith("word_embeddings.weight")] == [
        "text_tower.bert.embeddings.word_embeddings.weight"
    ]
    manifest_rows = [(row.model, row.split) for row in bundle.manifest.metrics]
    assert [manifest_rows.count(("fused, average of seeds", split)) for split in ("dev", "test")] == [1, 1]
    of_run = [row["model"] for row in results(shared)["rows"] if row["split"] == "dev"]
    assert of_run[:3] == ["fused", "text_only", "fused_without_memory"]
    assert of_run.count("fused, average of seeds") == 1


def train(arguments: list[str]) -> None:
    done(invoke(*arguments))


@pytest.mark.parametrize(
    ("unbroken", "stopped_in", "overrides"),
    [
        ("run", "seed0-text.1.memes", []),
        ("shared", "shared.0.read", ["phases.0.shared_seed=7", "pick=average"]),
        ("shared", "seed1-both.1.memes", ["phases.0.shared_seed=7", "pick=average"]),
    ],
)
def test_a_run_killed_in_the_middle_of_a_network_ends_with_the_same_weights(
    place: Workplace, shared: Path, tmp_path: Path, unbroken: str, stopped_in: str, overrides: list[str]
) -> None:
    run = tmp_path / "killed"
    arguments = place.train_arguments(str(run), *overrides)
    checkpoint = run / "checkpoint" / f"{stopped_in}.pt"
    assert run_until_written(checkpoint, 2, 0, train, arguments) == -signal.SIGKILL
    half = CheckpointFile(run / "checkpoint", stopped_in).read()
    assert half is not None
    assert not half["state"]["finished"]
    assert not (run / "done.json").exists()
    assert "going on with" in done(invoke(*arguments)).output
    assert kept(run) == kept(place.folder / unbroken)
    assert phases_of(run) == phases_of(place.folder / unbroken)


def test_the_seeds_of_a_variant_are_one_row_beside_the_twin_and_the_baselines(place: Workplace) -> None:
    document = results(place.folder / "run")
    assert document["seeds"] == [0, 1]
    models = [row["model"] for row in document["rows"] if row["split"] == "dev"]
    assert models[:4] == ["fused", "text_only", "fused_without_memory", "text_only_without_memory"]
    assert "majority" in models
    assert {row["split"] for row in document["rows"] if row["model"] == "majority"} == {"dev", "test"}


def test_the_best_seed_ships_with_the_test_metrics_of_all(place: Workplace) -> None:
    done(invoke(*place.export_arguments("run", "--out", str(place.folder / "best"))))
    manifest = open_bundle(place.folder / "best").manifest
    rows = {(row.model, row.split) for row in manifest.metrics}
    assert {("fused", "test"), ("text_only", "test"), ("majority", "test"), ("fused", "dev")} <= rows
    reached = {name: found["fp32"]["hateful"] for name, found in manifest.training["dev_auroc"].items()}
    assert set(reached) == {"fused, seed 0", "text_only, seed 0", "fused, seed 1", "text_only, seed 1"}
    best = max((0, 1), key=lambda seed: reached[f"fused, seed {seed}"])
    assert manifest.training["shipped_seed"] == best
    restored = restore(RunFolder(place.folder / "run"), place.folder / "cache")
    chosen = restored.candidates[best]
    found = score_bundle(open_bundle(place.folder / "best"), restored.dev.samples).logits["hateful"]
    assert np.abs(found - chosen.logits(restored.dev)[0]).max() < 5e-3
    assert "seed 0 ships" in (text := (place.folder / "best" / "README.md").read_text()) or "seed 1 ships" in text


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_average_of_the_seeds_ships_as_one_head(place: Workplace, tmp_path: Path, precision: str) -> None:
    run = place.folder / "run"
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("pick: best", "pick: average"))
    try:
        arguments = ("--out", str(tmp_path / "average"), "--precision", precision)
        done(invoke(*place.export_arguments("run", *arguments)))
        restored = restore(RunFolder(run), place.folder / "cache")
    finally:
        (run / "config.yaml").write_text(config)
    bundle = open_bundle(tmp_path / "average")
    average = Average([network.shipped for network in restored.candidates]).eval()
    expected = predict(average, restored.dev)[0]
    found = score_bundle(bundle, restored.dev.samples).logits["hateful"]
    assert np.abs(found - expected).max() < (5e-3 if precision == "fp32" else 0.1 * np.abs(expected).max())
    assert bundle.manifest.training["shipped_seed"] == "average"
    assert "the average of their logits ships" in (bundle.path / "README.md").read_text()


def test_a_run_stopped_between_two_networks_ends_with_the_same_weights(place: Workplace) -> None:
    run = place.folder / "run"
    before, shown = kept(run), (run / "results.md").read_text()
    for path in [run / "done.json", *(run / "networks").glob("seed1-*/*"), *(run / "checkpoint").glob("seed1-*")]:
        path.unlink()
    trained = phases_of(run)
    said = done(invoke(*place.train_arguments("run"))).output
    assert "going on with" in said
    assert kept(run) == before
    assert phases_of(run) == trained
    assert (run / "results.md").read_text() == shown
