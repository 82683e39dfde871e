"""A bundle made from a bundle through the real commands: trained, killed, resumed, exported, evaluated."""

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from support.runs import Workplace, command, dev_logits, done, environment, invoke
from support.tiny import TinyBundle

from model import open_bundle
from training.run.folder import RunFolder

NETWORK = {"tasks": ["hateful"], "width": 32, "encoder_layers": 1, "encoder_heads": 4, "encoder_ff": 32}
NO_DROPOUT = {"projection_dropout": 0.0, "encoder_dropout": 0.0, "head_dropout": 0.0}
PHASE = {"epochs": 30, "batch_size": 8, "text_tower_lr": 0, "fusion_lr": 1.0e-3, "checkpoint_every_steps": 1}
WAIT_S = 200


@pytest.fixture
def place(tiny: TinyBundle, tmp_path: Path) -> Workplace:
    """A run that starts from the fusion of a tiny bundle, with a memory, long enough to be killed in."""
    backbone = {"kind": "bundle", "bundle": str(tiny.bundle.path)}
    network = NETWORK | NO_DROPOUT
    return Workplace(tmp_path, backbone=backbone, start="fusion", network=network, phases=[PHASE], memory={})


def test_a_run_from_a_bundle_is_killed_resumed_exported_and_evaluated(place: Workplace, tiny: TinyBundle) -> None:
    run = RunFolder(place.folder / "run")
    process = subprocess.Popen(command(*place.train_arguments("run")), env=environment(), stderr=subprocess.DEVNULL)
    until = time.monotonic() + WAIT_S
    while not (run.history.is_file() and len(run.history.read_text(encoding="utf-8").splitlines()) >= 2):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not run.is_finished

    assert "going on with" in done(invoke(*place.train_arguments("run"))).output
    done(invoke(*place.export_arguments("run")))
    bundle, recorded = open_bundle(run.path / "bundle"), json.loads(run.provenance.read_text(encoding="utf-8"))
    start = {"name": "tiny", "version": "0.0.1", "digest": tiny.bundle.digest}
    assert recorded["start_bundle"] == bundle.manifest.training["start_bundle"] == start
    assert bundle.file("image_tower.onnx").read_bytes() == tiny.bundle.file("image_tower.onnx").read_bytes()
    assert bundle.manifest.image_tower == tiny.bundle.manifest.image_tower
    assert "bundle tiny 0.0.1" in bundle.manifest.head.source
    assert str(place.folder) not in bundle.manifest.model_dump_json()
    for expected, found in zip(*dev_logits(place, "run"), strict=True):
        assert np.abs(expected - found).max() < 2e-3  # features are cached in half precision
    page = place.folder / "report"
    done(invoke("evaluate", str(bundle.path), "--data", f"{place.memes}:dev", "--out", str(page)))
    assert any(page.iterdir())


def test_a_run_whose_bundle_was_replaced_is_neither_resumed_nor_exported(tiny: TinyBundle, tmp_path: Path) -> None:
    own = tiny.written_anew(tmp_path / "own")
    place = Workplace(tmp_path, backbone={"kind": "bundle", "bundle": str(own.path)}, network=NETWORK | NO_DROPOUT)
    done(invoke(*place.train_arguments("run")))
    tiny.written_anew(own.path, version="0.0.2")
    refused = invoke(*place.export_arguments("run"))
    assert refused.exit_code == 1
    assert "is not the bundle of the run any more (bundle.version: '0.0.1' there, '0.0.2' now)" in refused.output
    RunFolder(tmp_path / "run").done.unlink()
    refused = invoke(*place.train_arguments("run"))
    assert refused.exit_code == 1
    assert "was started on something else: start_bundle.version: '0.0.1' there, '0.0.2' now" in refused.output
