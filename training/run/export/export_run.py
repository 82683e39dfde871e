"""A finished run to the bundle that ships: calibrated and given thresholds on dev, exported, refused unless it agrees.

The bundle folder appears whole or not at all, whenever the export is killed.
"""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.bundle import (
    MANIFEST_NAME,
    VERSION_PATTERN,
    Bundle,
    HeadSpec,
    ImageTowerSpec,
    MetricRow,
    Precision,
)
from model.export import (
    BundleParts,
    ParityReport,
    check_head_parity,
    export_head,
    write_bundle,
)
from model.export.graph import OPSET, TEXT_OUTPUT
from model.network.memefier import MemeNetwork
from model.runtime import ImageTower
from training.datasets.registry import LAYOUTS, Source, detect_layout
from training.errors import RunError
from training.evaluation.thresholds import parse_targets
from training.run.backbone import IMAGE_TOWER_FILE, onnx_tower_spec, write_tower
from training.run.config import TrainConfig
from training.run.dev_metrics import (
    dev_set,
    held_out_sets,
    is_own,
    network_rows,
    read_rows,
)
from training.run.export.choose import Say, Shipped, choose
from training.run.export.fit import PolicyFit
from training.run.export.model_card import CARDS, write_model_card
from training.run.export.restore import RestoredRun, restore
from training.run.folder import RunFolder
from training.run.provenance import without_places
from training.trainer.learner import Learner

_HEAD_FILE = "head.onnx"
CARD_FILE = "README.md"


@dataclass(frozen=True)
class ExportOptions:
    """How to export; see ``wishes_of`` for what stands where a caller does not care."""

    precision: Precision
    targets: tuple[str, ...]
    version: str


def wishes_of(
    config: TrainConfig, precision: Precision | None = None, targets: tuple[str, ...] = (), version: str | None = None
) -> ExportOptions:
    """What the caller asks for, and the rest as the run's config has it."""
    return ExportOptions(
        precision or config.export.precision, targets or config.export.targets, version or config.version
    )


def export_run(
    run: RunFolder,
    out: Path,
    cache: Path,
    say: Say,
    *,
    precision: Precision | None = None,
    targets: tuple[str, ...] = (),
    version: str | None = None,
) -> Bundle:
    """Write the bundle of a finished run to ``out`` with its card as README.md.

    ``targets`` ("recall=0.9" or "false_alarm=0.1", "precision=0.9") pick the thresholds of each modality. What is not
    given is as the config has it. Raises ``RunError`` for a run that is not finished or stands on changed data,
    ``ExportRefusedError`` when a graph differs from the network or int8 costs too much, ``CalibrationError`` for
    targets without ground.
    """
    _check_free(out)
    _check_version(version)
    restored = restore(run, cache)
    wishes = wishes_of(restored.config, precision, targets, version)
    shipped = choose(restored, wishes.precision, say)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.path, prefix="export.", suffix=".tmp") as drafts:
        bundle = write_bundle(out, _parts(restored, shipped, read_rows(run), Path(drafts), wishes, say))
    write_model_card(bundle.manifest, bundle.path / CARD_FILE)
    return bundle


def _check_free(out: Path) -> None:
    """A folder that is no bundle is never replaced."""
    is_empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not is_empty and not (out / MANIFEST_NAME).is_file():
        raise RunError(f"{out} exists and is no bundle; choose another --out")


def _check_version(version: str | None) -> None:
    if version is not None and not re.fullmatch(VERSION_PATTERN, version):
        raise RunError(f"version {version!r}: write three numbers, as in 0.2.0")


def _parts(
    restored: RestoredRun,
    shipped: Shipped,
    recorded_rows: list[MetricRow],
    drafts: Path,
    wishes: ExportOptions,
    say: Say,
) -> BundleParts:
    config, towers = restored.config, restored.towers
    # Before the graphs, which take their time: targets can be refused.
    fit = PolicyFit(restored.calibrate, restored.ordinary, shipped.logits, say)
    fitted = fit(config.policy_tasks, parse_targets(wishes.targets))
    tower_path, tower = _image_tower(restored, shipped.learner, drafts)
    parity = _exported_head(
        restored, shipped.network, drafts / _HEAD_FILE, wishes.precision, _n_patches(restored, tower_path, tower)
    )
    say(f"the exported head agrees with the network within {parity.max_abs_logit_diff:.1e}")
    sets = [dev_set(restored.dev), *held_out_sets(restored.tests)]
    own = network_rows(restored.networks, restored.calibrate, sets, average=shipped.average)
    return BundleParts(
        name=config.name,
        version=wishes.version,
        description=config.description,
        licence=config.licence,
        image_tower_path=tower_path,
        image_tower=tower,
        head_path=drafts / _HEAD_FILE,
        head=_head_spec(config, towers.names, wishes.precision, shipped.network.widths.text),
        tokenizer_json=towers.backbone.tokenizer.json,
        preprocess=towers.preprocess,
        tasks=config.network.tasks,
        calibration=fitted.calibration,
        thresholds=fitted.thresholds,
        parity=parity,
        metrics=own + [row for row in recorded_rows if not is_own(row)],
        training=without_places(restored.recorded) | shipped.recorded | fitted.recorded,
        data_cards=_data_cards(config),
    )


def _image_tower(restored: RestoredRun, learner: Learner, drafts: Path) -> tuple[Path, ImageTowerSpec]:
    """The frozen tower's file as it stands in the cache, or the tuned tower, exported now."""
    towers = restored.towers
    if towers.image_path is not None and towers.spec is not None:
        return towers.image_path, towers.spec
    if learner.image_tower is None:
        raise RunError("the run has no image tower to export; train it again")
    path = drafts / IMAGE_TOWER_FILE
    write_tower(learner.image_tower, towers.backbone.side_px, path)
    names = restored.towers.names
    tuned = f"{names['image_backbone']}, {restored.config.towers.image.mode}"
    return path, onnx_tower_spec(path, {**names, "image_backbone": tuned})


def _n_patches(restored: RestoredRun, path: Path, spec: ImageTowerSpec) -> int:
    side_px = restored.towers.preprocess.side_px
    return int(ImageTower(path, spec).encode(np.zeros((1, 3, side_px, side_px), dtype=np.float32)).patches.shape[1])


def _exported_head(
    restored: RestoredRun, network: MemeNetwork, path: Path, precision: Precision, n_patches: int
) -> ParityReport:
    export_head(network, path, precision)
    preprocess = restored.towers.preprocess
    return check_head_parity(
        network,
        path,
        precision,
        max_text_tokens=preprocess.max_text_tokens,
        max_tags=preprocess.max_tags,
        patches=n_patches,
    )


def _head_spec(config: TrainConfig, names: Mapping[str, str], precision: Precision, text_width: int) -> HeadSpec:
    reads = config.modalities != "image"  # a network of pictures alone sees no word in any text
    return HeadSpec(
        file=_HEAD_FILE,
        precision=precision,
        opset=OPSET,
        text_backbone=f"{names['text_backbone']}, {config.towers.text.mode}",
        source=names["text_source"],
        licence=config.licence,
        text_output=TEXT_OUTPUT if reads else None,
        text_width=text_width if reads else None,
    )


def _data_cards(config: TrainConfig) -> list[str]:
    """Cards of the training sets; the bare name of a set that only borrows a layout and has no card."""
    return list(dict.fromkeys(_card(source) for source in config.data.train))


def _card(source: Source) -> str:
    layout = LAYOUTS[source.layout] if source.layout else detect_layout(source.path)
    name = source.dataset or layout.dataset_name(source.path)
    return name if layout.is_borrowed or (CARDS / f"{name}.md").is_file() else layout.card
