"""A split on disk: ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl`` in the generic layout, with paths to the pictures.

The folder appears as a whole, after it was read back and found to hold every sample, or not at all.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.atomic import write_atomically
from model.taxonomy import TASKS
from training.datasets.base import DatasetError, Sample
from training.datasets.registry import Source, load_source


def write_splits(out: Path, samples: Sequence[Sample], splits: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write each sample into the file of its split, and ``about`` (how the split was made) into split.json.

    Raises ``DatasetError`` when ``out`` holds something already, cannot be written, or reads back differently.
    """
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out} is not empty; name a new folder with --out, or remove it")
    # A sibling, so that relative paths to pictures are right before and after it gets its name.
    building = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        _write(building, _with_own_ids(samples), splits, about)
        _check(building, splits)
        building.rename(out)
    except OSError as error:
        raise DatasetError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(folder: Path, samples: Sequence[Sample], splits: Sequence[str], about: Mapping[str, Any]) -> None:
    for split in dict.fromkeys(splits):
        rows = [_row(sample, folder) for sample, its in zip(samples, splits, strict=True) if its == split]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        # A lone surrogate becomes the escape that JSON has for it.
        write_atomically(folder / f"{split}.jsonl", lines.encode("utf-8", "backslashreplace"))
    write_atomically(folder / "split.json", (json.dumps(about, indent=1) + "\n").encode())


def _with_own_ids(samples: Sequence[Sample]) -> list[Sample]:
    """Ids that come from several splits and clash get their split's name in front."""
    splits_of: dict[str, set[str]] = {}
    for sample in samples:
        splits_of.setdefault(sample.id, set()).add(sample.split)
    clash = any(len(splits) > 1 for splits in splits_of.values())
    return [replace(sample, id=f"{sample.split}/{sample.id}") if clash else sample for sample in samples]


def _row(sample: Sample, folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"id": sample.id}
    if sample.image is not None:
        row["image"] = Path(os.path.relpath(sample.image.resolve(), folder)).as_posix()
    row["text"] = sample.text
    if sample.tags:
        row["tags"] = list(sample.tags)
    if sample.caption is not None:
        row["caption"] = sample.caption
    return row | {task: _class_names(task, label) for task, label in sample.labels.items()}


def _class_names(task: str, label: int | tuple[int, ...]) -> str | list[str]:
    classes = TASKS[task].classes
    return [classes[index] for index in label] if isinstance(label, tuple) else classes[label]


def _check(folder: Path, splits: Sequence[str]) -> None:
    for split, n in Counter(splits).items():
        loaded = load_source(Source(path=folder, split=split, layout="generic"))
        if len(loaded.samples) != n:
            first = loaded.skipped[0].reason if loaded.skipped else "no reason is known"
            raise DatasetError(f"{split}: of {n} samples {len(loaded.samples)} could be read back ({first})")
