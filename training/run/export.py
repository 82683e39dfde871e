"""A finished run to the bundle that ships: calibrated and given thresholds on dev, exported, refused unless it agrees.

The bundle folder appears whole or not at all, whenever the export is killed.
"""

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.bundle import (
    MANIFEST_NAME,
    VERSION_PATTERN,
    Bundle,
    CalibrationSpec,
    HeadSpec,
    ImageTowerSpec,
    MetricRow,
    Precision,
    Thresholds,
)
from model.calibration import probabilities_of
from model.errors import ExportRefusedError
from model.export import (
    MAX_DEV_AUROC_LOSS,
    BundleParts,
    ParityReport,
    check_head_parity,
    export_head,
    round_weights_to_int8,
    write_bundle,
)
from model.export.graph import OPSET
from model.runtime import ImageTower
from training.baselines import MeasuredSet, labels_of, metric_row
from training.datasets.base import ABSENT
from training.datasets.registry import LAYOUTS, Source, detect_layout
from training.errors import RunError
from training.evaluation.calibrate import parse_targets, pick_thresholds
from training.evaluation.metrics.measures import primary_value
from training.run.backbone import IMAGE_TOWER_FILE, onnx_tower_spec, tower_names, write_tower
from training.run.build import shown_modalities
from training.run.config import TrainConfig
from training.run.dev_metrics import VARIANT, calibrations, data_names, is_own, read_rows
from training.run.folder import RunFolder
from training.run.model_card import CARDS, write_model_card
from training.run.provenance import without_places
from training.run.restore import Restored, restore

Say = Callable[[str], None]
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

    ``targets`` ("recall=0.9", "precision=0.9") pick the thresholds on dev. What is not given is as the config has it.
    Raises ``RunError`` for a run that is not finished or stands on changed data, ``ExportRefusedError`` when a graph
    differs from the network or int8 costs too much, ``CalibrationError`` for targets without ground.
    """
    _check_free(out)
    _check_version(version)
    restored = restore(run, cache)
    wishes = wishes_of(restored.config, precision, targets, version)
    if wishes.precision == "int8":
        _round(restored, say)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.path, prefix="export.", suffix=".tmp") as drafts:
        bundle = write_bundle(out, _parts(restored, read_rows(run), Path(drafts), wishes, say))
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


def _round(restored: Restored, say: Say) -> None:
    """Round the weights of what ships to int8 in place; refused when that costs a task too much on dev."""
    before = _ranking(restored)
    round_weights_to_int8(restored.shipped)
    after = _ranking(restored)
    for task, value in before.items():
        say(f"int8: {task} {value:.4f} -> {after[task]:.4f} on dev")
        # Rounded, since .9 - .895 is a little over .005 in floats; written so that NaN is refused too.
        if not round(value - after[task], 6) <= MAX_DEV_AUROC_LOSS:
            raise ExportRefusedError(
                f"int8 lowers {task} on dev from {value:.4f} to {after[task]:.4f}; at most {MAX_DEV_AUROC_LOSS} may "
                "go: use --precision fp32"
            )


def _ranking(restored: Restored) -> dict[str, float]:
    """The number that each task is judged by (AUROC; macro-F1 for several classes), on dev."""
    logits = restored.logits(restored.dev)
    fitted = calibrations(restored.tasks, restored.dev, logits)
    values = {}
    for task, found in zip(restored.tasks, logits, strict=True):
        labels = labels_of(restored.dev, task)
        known = (labels != ABSENT).reshape(len(labels), -1).all(axis=1)
        scores = probabilities_of(task, found[known], fitted[task.name])
        values[task.name] = primary_value(task.kind, labels[known], scores)
    return values


def _parts(
    restored: Restored, recorded_rows: list[MetricRow], drafts: Path, wishes: ExportOptions, say: Say
) -> BundleParts:
    config, towers = restored.config, restored.towers
    tower_path, tower = _image_tower(restored, drafts)
    parity = _exported_head(restored, drafts / _HEAD_FILE, wishes.precision, _n_patches(restored, tower_path, tower))
    say(f"the exported head agrees with the network within {parity.max_abs_logit_diff:.1e}")
    fitted = restored.calibrations()
    return BundleParts(
        name=config.name,
        version=wishes.version,
        description=config.description,
        licence=config.licence,
        image_tower_path=tower_path,
        image_tower=tower,
        head_path=drafts / _HEAD_FILE,
        head=_head_spec(config, wishes.precision),
        tokenizer_json=towers.backbone.tokenizer.json,
        preprocess=towers.preprocess,
        tasks=config.network.tasks,
        calibration=fitted,
        thresholds=_thresholds(restored, fitted, wishes.targets, say),
        parity=parity,
        metrics=_own_rows(restored, fitted) + [row for row in recorded_rows if not is_own(row)],
        training=without_places(restored.recorded),
        data_cards=_data_cards(config),
    )


def _image_tower(restored: Restored, drafts: Path) -> tuple[Path, ImageTowerSpec]:
    """The frozen tower's file as it stands in the cache, or the tuned tower, exported now."""
    towers = restored.towers
    if towers.image_path is not None and towers.spec is not None:
        return towers.image_path, towers.spec
    if restored.learner.image_tower is None:
        raise RunError("the run has no image tower to export; train it again")
    path = drafts / IMAGE_TOWER_FILE
    write_tower(restored.learner.image_tower, towers.backbone.side_px, path)
    names = tower_names(restored.config)
    tuned = f"{names['image_backbone']}, {restored.config.towers.image.mode}"
    return path, onnx_tower_spec(path, names | {"image_backbone": tuned})


def _n_patches(restored: Restored, path: Path, spec: ImageTowerSpec) -> int:
    side_px = restored.towers.preprocess.side_px
    return int(ImageTower(path, spec).encode(np.zeros((1, 3, side_px, side_px), dtype=np.float32)).patches.shape[1])


def _exported_head(restored: Restored, path: Path, precision: Precision, n_patches: int) -> ParityReport:
    export_head(restored.shipped, path, precision)
    preprocess = restored.towers.preprocess
    return check_head_parity(
        restored.shipped,
        path,
        precision,
        max_text_tokens=preprocess.max_text_tokens,
        max_tags=preprocess.max_tags,
        patches=n_patches,
    )


def _head_spec(config: TrainConfig, precision: Precision) -> HeadSpec:
    names = tower_names(config)
    return HeadSpec(
        file=_HEAD_FILE,
        precision=precision,
        opset=OPSET,
        text_backbone=f"{names['text_backbone']}, {config.towers.text.mode}",
        source=names["text_source"],
        licence=config.licence,
    )


def _thresholds(
    restored: Restored, fitted: Mapping[str, CalibrationSpec], targets: tuple[str, ...], say: Say
) -> dict[str, Thresholds]:
    """Thresholds of the tasks that decide, fitted where the calibration was."""
    logits = restored.logits(restored.calibrate)
    picked = {}
    for place, task in enumerate(restored.tasks):
        if task.name not in restored.config.policy_tasks:
            continue
        scores = probabilities_of(task, logits[place], fitted[task.name])
        found = pick_thresholds(scores, restored.calibrate.labels(place), parse_targets(targets))
        picked[task.name] = found.thresholds
        for sentence in found.in_words():
            say(f"{task.name}: {sentence}")
    return picked


def _own_rows(restored: Restored, fitted: Mapping[str, CalibrationSpec]) -> list[MetricRow]:
    """Dev metrics of the network that ships, whose weights may be rounded."""
    measured = MeasuredSet(data_names(restored.dev), "dev", restored.dev)
    model = VARIANT[shown_modalities(restored.config)]
    return [
        metric_row(
            measured, task, model, labels_of(restored.dev, task), probabilities_of(task, found, fitted[task.name])
        )
        for task, found in zip(restored.tasks, restored.logits(restored.dev), strict=True)
    ]


def _data_cards(config: TrainConfig) -> list[str]:
    """Cards of the training sets; the bare name of a set that only borrows a layout and has no card."""
    return list(dict.fromkeys(_card(source) for source in config.data.train))


def _card(source: Source) -> str:
    layout = LAYOUTS[source.layout] if source.layout else detect_layout(source.path)
    name = source.dataset or layout.dataset_name(source.path)
    return name if layout.is_borrowed or (CARDS / f"{name}.md").is_file() else layout.card
