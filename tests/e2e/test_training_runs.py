"""From raw files to a verdict through the real commands: train, killed and resumed, export, score."""

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from support.dataset_files import write_hateful_memes
from support.runs import (
    Workplace,
    command,
    config_document,
    dev_logits,
    done,
    environment,
    invoke,
    memeguard,
    results,
    write_open_clip_weights,
)

from model import open_bundle
from model.modality import MODALITIES
from training.evaluation.scoring import score_bundle
from training.run.export.restore import restore
from training.run.folder import RunFolder

#: Long enough to be killed in: two phases, a checkpoint a step.
_PHASE = {"batch_size": 8, "text_tower_lr": 0, "fusion_lr": 1.0e-3, "checkpoint_every_steps": 1}
TWO_PHASES = [
    {"name": "reading", "epochs": 2, "modalities": "text", **_PHASE},
    {"name": "memes", "epochs": 30, **_PHASE},
]
WAIT_S = 200


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A finished run of a network that reads tags at "run", exported to "run/bundle"."""
    network = config_document({})["network"] | {"knowledge": True}
    place = Workplace(tmp_path_factory.mktemp("runs"), baselines=True, network=network)
    done(invoke(*place.train_arguments("run")))
    done(invoke(*place.export_arguments("run", "--target", "recall=0.8", "--version", "1.2.3")))
    return place


def dev_metrics(folder: Path) -> dict[str, float]:
    """The network's own row, without intervals."""
    return {name: found["value"] for name, found in results(folder)["rows"][0]["metrics"].items()}


def test_a_run_holds_all_that_tells_how_it_was_made(place: Workplace) -> None:
    run = RunFolder(place.folder / "run")
    recorded = json.loads(run.provenance.read_text(encoding="utf-8"))
    assert recorded["command"].startswith("memeguard train --config")
    assert recorded["n_samples"] == {"train.0": 24, "dev": 12, "calibrate": 12}
    assert recorded["config"] == run.read_config()
    assert {len(digest) for part in recorded["data_sha256"].values() for digest in part.values()} == {64}
    assert recorded["seeds"] == [0]
    assert {"revision", "dirty"} <= recorded["git"].keys()
    assert {"python", "cpu", "gpus", "packages"} <= recorded["environment"].keys()


def test_the_network_stands_beside_the_baselines(place: Workplace) -> None:
    rows = results(place.folder / "run")["rows"]
    assert [row["model"] for row in rows[:3]] == ["fused", "majority", "tfidf_svm"]
    assert rows[0]["metrics"]["auroc"]["value"] > 0.9
    assert "| majority |" in (place.folder / "run" / "results.md").read_text(encoding="utf-8")


def test_a_finished_run_is_not_trained_again_and_another_config_is_refused(place: Workplace) -> None:
    before = (place.folder / "run" / "network.safetensors").stat().st_mtime_ns
    assert "is finished" in done(invoke(*place.train_arguments("run"))).output
    refused = invoke(*place.train_arguments("run", "seed=1"))
    assert refused.exit_code == 1
    assert "holds a run with another config (seed: 0 there, 1 now)" in refused.output
    assert (place.folder / "run" / "network.safetensors").stat().st_mtime_ns == before


def test_the_bundle_gives_the_logits_of_the_network_on_dev(place: Workplace) -> None:
    for expected, found in zip(*dev_logits(place, "run"), strict=True):
        assert np.abs(expected - found).max() < 2e-3  # features are cached in half precision
        assert expected.std() > 0.1


def test_the_bundle_knows_its_version_its_thresholds_and_its_making(place: Workplace) -> None:
    manifest = open_bundle(place.folder / "run" / "bundle").manifest
    assert (manifest.name, manifest.version) == ("tiny", "1.2.3")
    assert list(manifest.thresholds) == ["hateful"]
    assert manifest.training["n_samples"]["dev"] == 12
    assert str(place.folder) in json.dumps(RunFolder(place.folder / "run").read_config())
    assert str(place.folder) not in manifest.model_dump_json()
    assert manifest.data_cards == ["memes"]
    assert {row.model for row in manifest.metrics} >= {"fused", "majority", "tfidf_svm"}
    assert (place.folder / "run" / "bundle" / "README.md").read_text(encoding="utf-8").startswith("---\nlanguage: en")


def test_int8_halves_the_head_and_keeps_its_ranking(place: Workplace) -> None:
    out = place.folder / "int8"
    done(invoke(*place.export_arguments("run", "--precision", "int8", "--out", str(out))))
    bundle, whole = open_bundle(out), open_bundle(place.folder / "run" / "bundle")
    assert bundle.manifest.head.precision == "int8"
    assert bundle.file("head.onnx").stat().st_size < whole.file("head.onnx").stat().st_size
    row = next(row for row in bundle.manifest.metrics if row.model == "fused")
    assert row.metrics["auroc"].value > 0.9


def test_an_export_replaces_no_folder_that_is_no_bundle(place: Workplace) -> None:
    mine = place.folder / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    refused = invoke(*place.export_arguments("run", "--out", str(mine)))
    assert refused.exit_code == 1
    assert "is no bundle" in refused.output
    assert (mine / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_run_killed_in_the_middle_ends_as_an_unbroken_one_and_its_bundle_scores(tmp_path: Path) -> None:
    place = Workplace(tmp_path, phases=TWO_PHASES)
    run = RunFolder(tmp_path / "killed")
    with (tmp_path / "stderr").open("w") as said:
        process = subprocess.Popen(command(*place.train_arguments("killed")), env=environment(), stderr=said)
        until = time.monotonic() + WAIT_S
        while not (run.history.is_file() and '"1.memes"' in run.history.read_text(encoding="utf-8")):
            assert process.poll() is None, (tmp_path / "stderr").read_text(encoding="utf-8")
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not run.is_finished
    early = invoke(*place.export_arguments("killed"))
    assert early.exit_code == 1
    assert "is not finished" in early.output

    resumed = memeguard(*place.train_arguments("killed"))
    assert resumed.returncode == 0, resumed.stderr
    assert "going on with" in resumed.stderr
    done(invoke(*place.train_arguments("unbroken")))
    assert dev_metrics(run.path) == dev_metrics(tmp_path / "unbroken")

    done(invoke(*place.export_arguments("killed")))
    picture = next((place.memes / "img").glob("*.png"))
    judged = done(invoke("score", str(picture), "--text", "rain", "--bundle", str(run.path / "bundle"), "--json"))
    verdict = json.loads(judged.stdout)
    assert (verdict["model"]["name"], list(verdict["scores"])) == ("tiny", ["hateful"])


def test_data_that_changed_between_start_and_export_is_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    done(invoke(*place.train_arguments("run")))
    write_hateful_memes(place.memes, {"dev": 12}, first_seed=77)
    refused = invoke(*place.export_arguments("run"))
    assert refused.exit_code == 1
    assert "the samples of 'dev' are not those of the run" in refused.output
    assert not (tmp_path / "run" / "bundle").exists()


def test_a_text_only_twin_is_the_same_command_and_its_bundle_looks_at_no_picture(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    done(invoke(*place.train_arguments("twin", "modalities=text")))
    done(invoke(*place.export_arguments("twin")))
    assert [row["model"] for row in results(tmp_path / "twin")["rows"]] == ["text_only"]
    bundle = open_bundle(tmp_path / "twin" / "bundle")
    samples = restore(RunFolder(tmp_path / "twin"), tmp_path / "cache").dev.samples
    assert {sample.image for sample in samples} == {None}
    pictures = sorted((place.memes / "img").glob("*.png"))
    shown = [type(sample)(**{**vars(sample), "image": pictures[0]}) for sample in samples]
    others = [type(sample)(**{**vars(sample), "image": pictures[-1]}) for sample in samples]
    first, second, without = (score_bundle(bundle, part).logits["hateful"] for part in (shown, others, samples))
    assert np.abs(first - second).max() < 1e-6
    assert np.abs(first - without).max() < 1e-5
    assert first.std() > 0.1


def test_towers_that_are_tuned_in_the_loop_ship_as_they_were_trained(tmp_path: Path) -> None:
    place = Workplace(
        tmp_path,
        backbone=write_open_clip_weights(tmp_path / "weights"),
        towers={"image": {"mode": "adapters"}, "text": {"mode": "last_layers", "n_layers": 1}},
        phases=[{"epochs": 2, "batch_size": 8, "text_tower_lr": 1e-3, "image_tower_lr": 1e-3, "fusion_lr": 5e-3}],
        losses={"contrastive_weight": 0.1, "contrastive_views": ["image", "text"], "rgcl_weight": 0.2},
        text_noise={},
        augment={},
    )
    done(invoke(*place.train_arguments("run")))
    done(invoke(*place.export_arguments("run")))
    for expected, found in zip(*dev_logits(place, "run"), strict=True):
        assert np.abs(expected - found).max() < 1e-4
    manifest = open_bundle(tmp_path / "run" / "bundle").manifest
    assert manifest.image_tower.backbone.endswith("adapters")
    assert manifest.preprocess.mean == (0.5, 0.5, 0.5)


def test_a_frozen_open_clip_tower_trains_on_the_graph_that_ships(tmp_path: Path) -> None:
    place = Workplace(tmp_path, backbone=write_open_clip_weights(tmp_path / "weights"), augment={"n_views": 2})
    done(invoke(*place.train_arguments("run")))
    (tower,) = (tmp_path / "cache" / "towers").glob("*/image_tower.onnx")
    done(invoke(*place.export_arguments("run")))
    assert (tmp_path / "run" / "bundle" / "image_tower.onnx").read_bytes() == tower.read_bytes()
    for expected, found in zip(*dev_logits(place, "run"), strict=True):
        assert np.abs(expected - found).max() < 2e-3


def test_a_set_without_dev_gets_one_by_groups_and_says_so(tmp_path: Path) -> None:
    place = Workplace(tmp_path, data={"train": ["memes:train"], "dev_share": 0.25})
    (place.memes / "dev.jsonl").unlink()
    answer = done(invoke(*place.train_arguments("run")))
    assert "no dev split; 6 of its samples are held out as dev, by groups" in answer.output
    recorded = json.loads(RunFolder(tmp_path / "run").provenance.read_text(encoding="utf-8"))
    assert recorded["n_samples"] == {"train.0": 18, "dev": 6, "calibrate": 6}


def test_rows_that_cannot_be_used_are_counted_and_left_out(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    (place.memes / "img" / "00001.png").write_bytes(b"no picture at all")
    answer = done(invoke(*place.train_arguments("run")))
    assert "1 row(s) left out" in answer.output
    assert "train.0 23" in answer.output


def test_an_ordinary_stream_sets_the_review_threshold_of_each_modality(tmp_path: Path) -> None:
    place = Workplace(tmp_path, data={"train": ["memes:train"], "ordinary": ["memes:train"]})
    done(invoke(*place.train_arguments("run")))
    recorded = json.loads(RunFolder(tmp_path / "run").provenance.read_text(encoding="utf-8"))
    assert recorded["n_samples"] == {"train.0": 24, "dev": 12, "calibrate": 12, "ordinary": 24}
    said = done(invoke(*place.export_arguments("run", "--target", "false_alarm=0.25"))).output
    assert "hateful, words alone: fitted on 12 rows (pictures with words, the picture hidden)" in said
    manifest = open_bundle(tmp_path / "run" / "bundle").manifest
    told = manifest.training["thresholds"]["hateful"]
    assert {modality: one["ordinary"]["n"] for modality, one in told.items()} == dict.fromkeys(MODALITIES, 24)
    assert all(one["ordinary"]["n_of"] <= 6 for one in told.values())
    assert [limits.review for _, limits in manifest.thresholds["hateful"].items()] == [
        told[modality]["review"] for modality in MODALITIES
    ]
    few = invoke(*place.export_arguments("run", "--target", "false_alarm=0.01"))
    assert few.exit_code == 1
    assert "hateful, pictures with words: false_alarm 0.01 needs at least 100 ordinary items" in few.output
    both = invoke(*place.export_arguments("run", "--target", "false_alarm=0.1", "--target", "recall=0.9"))
    assert "two targets for review" in both.output
