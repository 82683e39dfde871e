"""MultiOFF (Suryawanshi et al. 2020), in its own layout.

``Split Dataset/{Training,Validation,Testing}_meme_dataset.csv`` with image_name, sentence, label, where the labels are
"offensive" and "Non-offensiv" (the typo is the dataset's), beside ``Labelled Images/``. One validation picture is
missing in the published set. ``captions.json``, when it is there, holds machine captions by picture name.
"""

import csv
import json
from pathlib import Path

from training.datasets.base import DatasetError, Sample, existing, label_of

_FILES = {"train": "Training", "dev": "Validation", "test": "Testing"}
_CLASSES = {"offensive": "offensive", "Non-offensiv": "not_offensive"}


def read_multioff(root: Path, split: str) -> list[Sample]:
    """Samples of a split ("train", "dev" or "test"); rows whose picture is missing are left out.

    Raises ``DatasetError`` naming the line that is not as expected.
    """
    path = existing(root / "Split Dataset" / f"{_FILES[split]}_meme_dataset.csv")
    captions = _captions(root)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        samples = [_sample(root, f"{path}, line {rows.line_num}", row, split, captions) for row in rows]
    return [sample for sample in samples if sample.image is not None and sample.image.is_file()]


def _captions(root: Path) -> dict[str, str]:
    path = root / "captions.json"
    if not path.is_file():
        return {}
    captions: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return captions


def _sample(root: Path, place: str, row: dict[str, str], split: str, captions: dict[str, str]) -> Sample:
    absent = [column for column in ("image_name", "sentence", "label") if row.get(column) is None]
    if absent:
        raise DatasetError(f"{place}: no {absent[0]}")
    name, label = row["image_name"], row["label"].strip()
    if label not in _CLASSES:
        raise DatasetError(f"{place}: unknown label {label!r}; expected one of {', '.join(_CLASSES)}")
    return Sample(
        id=name,
        dataset="multioff",
        split=split,
        text=row["sentence"].strip(),
        labels=label_of("offensive", _CLASSES[label]),
        image=root / "Labelled Images" / name,
        caption=captions.get(name),
    )
