"""Files, digests and manifest to a bundle folder that opens."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.atomic import file_digest
from model.bundle import (
    FORMAT_VERSION,
    Bundle,
    CalibrationByModality,
    HeadSpec,
    ImageTowerSpec,
    Manifest,
    MetricRow,
    TaskSpec,
    ThresholdsByModality,
    open_bundle,
    write_manifest,
)
from model.export.parity import ParityReport
from model.preprocess import PreprocessConfig, Preprocessor
from model.taxonomy import tasks_named

IMAGE_TOWER_FILE = "image_tower.onnx"
HEAD_FILE = "head.onnx"
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class BundleParts:
    """All that a bundle is made of. ``image_tower_path`` and ``head_path`` are ONNX files, copied into the bundle."""

    name: str
    version: str
    description: str
    licence: str
    image_tower_path: Path
    image_tower: ImageTowerSpec
    head_path: Path
    head: HeadSpec
    tokenizer_json: bytes
    preprocess: PreprocessConfig
    tasks: tuple[str, ...]
    calibration: dict[str, CalibrationByModality]
    thresholds: dict[str, ThresholdsByModality]
    parity: ParityReport
    metrics: list[MetricRow]
    training: dict[str, Any]
    data_cards: list[str]


def write_bundle(folder: Path, parts: BundleParts) -> Bundle:
    """Write ``folder`` anew and open it. A bundle that stands there is replaced only once the new one opens.

    Killed at any moment, the old bundle or the new one is whole in ``folder``, or the old one beside it as
    ``NAME.old``; the next call puts it back first, and leaves nothing else behind.
    """
    draft, old = (folder.with_name(folder.name + suffix) for suffix in (".tmp", ".old"))
    _clean_up(folder, draft, old)
    draft.mkdir(parents=True)
    shutil.copyfile(parts.image_tower_path, draft / IMAGE_TOWER_FILE)
    shutil.copyfile(parts.head_path, draft / HEAD_FILE)
    (draft / TOKENIZER_FILE).write_bytes(parts.tokenizer_json)
    write_manifest(draft, _manifest(draft, parts))
    open_bundle(draft)
    # A folder that holds something cannot be renamed over: the old bundle steps aside until the new one is in place.
    if _is_there(folder):
        folder.rename(old)
    draft.rename(folder)
    _remove(old)
    return open_bundle(folder)


def _clean_up(folder: Path, draft: Path, old: Path) -> None:
    """Undo what a killed call left: a draft, and the old bundle that had stepped aside."""
    _remove(draft)
    if _is_there(folder):
        _remove(old)
    elif _is_there(old):
        old.rename(folder)


def _remove(path: Path) -> None:
    """A folder with all that is in it; of a link, the link alone."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _manifest(draft: Path, parts: BundleParts) -> Manifest:
    files = (IMAGE_TOWER_FILE, HEAD_FILE, TOKENIZER_FILE)
    return Manifest(
        format_version=FORMAT_VERSION,
        name=parts.name,
        version=parts.version,
        description=parts.description,
        licence=parts.licence,
        files={name: file_digest(draft / name) for name in files},
        image_tower=parts.image_tower,
        head=parts.head,
        tokenizer=TOKENIZER_FILE,
        tasks=[TaskSpec(name=task.name, classes=list(task.classes)) for task in tasks_named(parts.tasks)],
        preprocess=parts.preprocess,
        preprocess_fingerprint=Preprocessor(parts.preprocess, parts.tokenizer_json).fingerprint(),
        calibration=parts.calibration,
        thresholds=parts.thresholds,
        parity=parts.parity.to_dict(),
        metrics=parts.metrics,
        training=parts.training,
        data_cards=parts.data_cards,
    )
