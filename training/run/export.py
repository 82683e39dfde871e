"""A finished run to the bundle that ships: calibrated and given thresholds on dev, exported, refused unless it agrees.

The bundle folder appears whole or not at all, whenever the export is killed.
"""

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from model.network.memefier import MemeNetwork
from model.runtime import ImageTower
from training.baselines import labels_of
from training.data.examples import Examples
from training.datasets.base import ABSENT
from training.datasets.registry import LAYOUTS, Source, detect_layout
from training.errors import RunError
from training.evaluation.calibrate import parse_targets, pick_thresholds
from training.evaluation.metrics.measures import primary_value
from training.run.backbone import IMAGE_TOWER_FILE, onnx_tower_spec, tower_names, write_tower
from training.run.config import TrainConfig
from training.run.dev_metrics import (
    calibrations,
    dev_set,
    held_out_sets,
    is_own,
    network_rows,
    read_rows,
)
from training.run.folder import RunFolder
from training.run.model_card import CARDS, write_model_card
from training.run.provenance import without_places
from training.run.restore import RestoredRun, restore
from training.run.trained import Average, TrainedNetwork
from training.trainer.learner import Learner

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


@dataclass(frozen=True)
class Shipped:
    """What ships of a run: ``network``, and its logits [N, n_logits] a task where the calibration is fitted.

    ``learner`` has the image tower, if that was tuned. ``seed`` is None where the network is the average of all.
    ``dev_auroc`` (macro-F1 for several classes) is of every network of the run by its name, precision and task.
    """

    network: MemeNetwork
    learner: Learner
    logits: list[NDArray[np.float32]]
    seed: int | None
    dev_auroc: dict[str, dict[str, dict[str, float]]]

    @property
    def recorded(self) -> dict[str, Any]:
        """For the manifest: nothing of a run of one network, which the run itself describes."""
        if len(self.dev_auroc) == 1:
            return {}
        rounded = {
            name: {kind: {task: round(value, 4) for task, value in tasks.items()} for kind, tasks in kinds.items()}
            for name, kinds in self.dev_auroc.items()
        }
        return {"shipped_seed": "average" if self.seed is None else self.seed, "dev_auroc": rounded}


def choose(restored: RestoredRun, precision: Precision, say: Say) -> Shipped:
    """Round all networks if it is to be int8, and take the one that is best on dev, or the average of all seeds.

    Raises ``ExportRefusedError`` when int8 costs what ships too much on dev.
    """
    networks, calibrate = restored.networks, restored.calibrate
    averages = restored.config.pick == "average" and len(restored.candidates) > 1
    reached: dict[str, dict[str, dict[str, float]]] = {
        _name(network): {"fp32": _ranking(restored, network.logits(restored.dev))} for network in networks
    }
    mean_before = _ranking(restored, _mean_logits(restored, restored.dev)) if averages else {}
    if precision == "int8":
        for network in networks:
            round_weights_to_int8(network.shipped)
            reached[_name(network)]["int8"] = _ranking(restored, network.logits(restored.dev))
    if averages:
        if precision == "int8":
            _check_rounding(mean_before, _ranking(restored, _mean_logits(restored, restored.dev)), say)
        average = Average([network.shipped for network in restored.candidates])
        return Shipped(average, restored.learner, _mean_logits(restored, calibrate), None, reached)
    select_on = restored.config.phases[-1].select_on
    best = max(restored.candidates, key=lambda network: reached[_name(network)][precision][select_on])
    if precision == "int8":
        _check_rounding(reached[_name(best)]["fp32"], reached[_name(best)]["int8"], say)
    return Shipped(best.shipped, best.learner, best.logits(calibrate), best.config.seed, reached)


def _name(network: TrainedNetwork) -> str:
    return f"{network.variant}, seed {network.config.seed}"


def _mean_logits(restored: RestoredRun, examples: Examples) -> list[NDArray[np.float32]]:
    found = [network.logits(examples) for network in restored.candidates]
    return [np.mean(logits, axis=0, dtype=np.float32) for logits in zip(*found, strict=True)]


def _check_rounding(before: Mapping[str, float], after: Mapping[str, float], say: Say) -> None:
    for task, value in before.items():
        say(f"int8: {task} {value:.4f} -> {after[task]:.4f} on dev")
        # Rounded, since .9 - .895 is a little over .005 in floats; written so that NaN is refused too.
        if not round(value - after[task], 6) <= MAX_DEV_AUROC_LOSS:
            raise ExportRefusedError(
                f"int8 lowers {task} on dev from {value:.4f} to {after[task]:.4f}; at most {MAX_DEV_AUROC_LOSS} may "
                "go: use --precision fp32"
            )


def _ranking(restored: RestoredRun, logits: list[NDArray[np.float32]]) -> dict[str, float]:
    """The number that each task is judged by (AUROC; macro-F1 for several classes), on dev."""
    fitted = calibrations(restored.tasks, restored.dev, logits)
    values = {}
    for task, found in zip(restored.tasks, logits, strict=True):
        labels = labels_of(restored.dev, task)
        known = (labels != ABSENT).reshape(len(labels), -1).all(axis=1)
        scores = probabilities_of(task, found[known], fitted[task.name])
        values[task.name] = primary_value(task.kind, labels[known], scores)
    return values


def _parts(
    restored: RestoredRun,
    shipped: Shipped,
    recorded_rows: list[MetricRow],
    drafts: Path,
    wishes: ExportOptions,
    say: Say,
) -> BundleParts:
    config, towers = restored.config, restored.towers
    tower_path, tower = _image_tower(restored, shipped.learner, drafts)
    parity = _exported_head(
        restored, shipped.network, drafts / _HEAD_FILE, wishes.precision, _n_patches(restored, tower_path, tower)
    )
    say(f"the exported head agrees with the network within {parity.max_abs_logit_diff:.1e}")
    fitted = calibrations(restored.tasks, restored.calibrate, shipped.logits)
    sets = [dev_set(restored.dev), *held_out_sets(restored.tests)]
    own = network_rows(restored.networks, restored.calibrate, sets)
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
        thresholds=_thresholds(restored, shipped, fitted, wishes.targets, say),
        parity=parity,
        metrics=own + [row for row in recorded_rows if not is_own(row)],
        training=without_places(restored.recorded) | shipped.recorded,
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
    names = tower_names(restored.config)
    tuned = f"{names['image_backbone']}, {restored.config.towers.image.mode}"
    return path, onnx_tower_spec(path, names | {"image_backbone": tuned})


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
    restored: RestoredRun, shipped: Shipped, fitted: Mapping[str, CalibrationSpec], targets: tuple[str, ...], say: Say
) -> dict[str, Thresholds]:
    """Thresholds of the tasks that decide, fitted where the calibration was."""
    picked = {}
    for index, task in enumerate(restored.tasks):
        if task.name not in restored.config.policy_tasks:
            continue
        scores = probabilities_of(task, shipped.logits[index], fitted[task.name])
        found = pick_thresholds(scores, restored.calibrate.labels(index), parse_targets(targets))
        picked[task.name] = found.thresholds
        for sentence in found.in_words():
            say(f"{task.name}: {sentence}")
    return picked


def _data_cards(config: TrainConfig) -> list[str]:
    """Cards of the training sets; the bare name of a set that only borrows a layout and has no card."""
    return list(dict.fromkeys(_card(source) for source in config.data.train))


def _card(source: Source) -> str:
    layout = LAYOUTS[source.layout] if source.layout else detect_layout(source.path)
    name = source.dataset or layout.dataset_name(source.path)
    return name if layout.is_borrowed or (CARDS / f"{name}.md").is_file() else layout.card
