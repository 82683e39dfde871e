"""What a small training run needs on disk: a compact pair or an open_clip folder of random weights, data, a config."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from click.testing import CliRunner, Result
from safetensors.torch import save_file

from model import open_bundle
from serving.cli import main
from support import ROOT
from support.dataset_files import short_sentence, write_hateful_memes
from support.preparation import tokenizer_json
from support.tiny import export_tower, tiny_network
from training.evaluation.scoring import score_bundle
from training.run.export.restore import restore
from training.run.folder import RunFolder

SPLITS = {"train": 24, "dev": 12}
TINY_CLIP = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 8, "head_width": 4, "layers": 2},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2},
}


def write_compact_weights(folder: Path) -> dict[str, Any]:
    """An ONNX image tower and a BERT folder; the config's ``backbone`` that names them."""
    text = folder / "text"
    text.mkdir(parents=True)
    bert: Any = tiny_network().text_tower.bert
    save_file({name: values.contiguous() for name, values in bert.state_dict().items()}, text / "model.safetensors")
    (text / "config.json").write_text(json.dumps(bert.config.to_dict()), encoding="utf-8")
    (text / "tokenizer.json").write_bytes(tokenizer_json())
    export_tower(folder / "tower.onnx")
    return {"kind": "compact", "image_tower": str(folder / "tower.onnx"), "text_tower": str(text)}


def write_open_clip_weights(folder: Path) -> dict[str, Any]:
    """A folder that open_clip loads; the config's ``backbone`` that names it."""
    import torch  # noqa: PLC0415 - slow to import
    from open_clip.model import CustomTextCLIP  # noqa: PLC0415

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(CustomTextCLIP(**TINY_CLIP).state_dict(), folder / "open_clip_model.pth")
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": TINY_CLIP, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}), encoding="utf-8"
    )
    return {"kind": "open_clip", "name": f"local-dir:{folder}"}


def config_document(backbone: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A config that learns "sun" from "rain" in seconds; ``changed`` replaces whole entries.

    Its data has no tags, so its network reads none: a text tower that stands in a graph once is exported in half the
    time.
    """
    document: dict[str, Any] = {
        "name": "tiny",
        "description": "Random weights, for tests.",
        "licence": "Apache-2.0",
        "backbone": backbone,
        "preprocess": {"max_text_tokens": 12, "max_tags": 2, "max_tag_tokens": 6},
        "network": {
            "tasks": ["hateful"],
            "width": 32,
            "encoder_heads": 4,
            "encoder_ff": 32,
            "projection_dropout": 0.0,
            "encoder_dropout": 0.0,
            "head_dropout": 0.0,
            "pooled_concat": True,
            "knowledge": False,
        },
        "data": {"train": ["memes:train"]},
        "fill_text": {"mode": "given"},
        "phases": [{"epochs": 3, "batch_size": 8, "text_tower_lr": 0, "fusion_lr": 5.0e-3}],
        "trackers": [],
        "baselines": False,
    }
    return document | changed


class Workplace:
    """A folder with weights, data and a config, and the command line that runs in it."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.folder = folder
        backbone = changed.pop("backbone", None) or write_compact_weights(folder / "weights")
        self.config = folder / "tiny.yaml"
        self.config.write_text(yaml.safe_dump(config_document(backbone, **changed)), encoding="utf-8")
        self.memes = write_hateful_memes(folder / "data" / "memes", SPLITS, text=short_sentence)

    def train_arguments(self, out: str, *overrides: str) -> list[str]:
        folders = ["--data", str(self.folder / "data"), "--cache", str(self.folder / "cache")]
        return ["train", "--config", str(self.config), *folders, "--out", str(self.folder / out), *overrides]

    def export_arguments(self, out: str, *options: str) -> list[str]:
        return ["export", str(self.folder / out), "--cache", str(self.folder / "cache"), *options]


def memeguard(*arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=timeout_s, check=False, env=environment()
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "serving.cli", *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def invoke(*arguments: str) -> Result:
    """The command in this process; what it did not expect is raised here."""
    answer = CliRunner().invoke(main, list(arguments))
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


def done(answer: Result) -> Result:
    assert answer.exit_code == 0, answer.output
    return answer


def dev_logits(place: Workplace, out: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Logits on dev of the torch network and of the bundle, task by task."""
    restored = restore(RunFolder(place.folder / out), place.folder / "cache")
    scored = score_bundle(open_bundle(place.folder / out / "bundle"), restored.dev.samples)
    return restored.logits(restored.dev), [scored.logits[task.name] for task in restored.tasks]


def results(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return document
