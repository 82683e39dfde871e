"""Text-only hate speech: HatemojiBuild (Kirk et al. 2022), Stormfront (de Gibert et al. 2018) and HateCheck
(Roettger et al. 2021). HateCheck is a functional test: never train on it.
"""

import csv
from pathlib import Path

from training.datasets.base import DatasetError, Sample, existing, hateful

_HATEMOJI_FILES = {"train": "train", "dev": "validation", "test": "test"}


def read_hatemoji(root: Path, split: str) -> list[Sample]:
    """HatemojiBuild, ``hatemoji_build_{train,validation,test}.csv``: adversarial, balanced, rich in emoji."""
    path = root / f"hatemoji_build_{_HATEMOJI_FILES[split]}.csv"
    rows = _rows(path, "entry_id", "text", label="label_gold", hate="1", no_hate="0")
    return [_sample("hatemoji", split, row["entry_id"], row["text"], row["label_gold"] == "1") for row in rows]


def read_stormfront(root: Path) -> list[Sample]:
    """``stormfront.csv``: forum sentences labelled hate or noHate; it has no official split here."""
    rows = _rows(root / "stormfront.csv", "id", "text", label="label", hate="hate", no_hate="noHate")
    return [_sample("stormfront", "train", row["id"], row["text"], row["label"] == "hate") for row in rows]


def read_hatecheck(root: Path) -> list[Sample]:
    """``hatecheck.csv``: 29 functions; the function is the sample's only tag."""
    columns = ("case_id", "test_case", "functionality")
    return [
        Sample(
            id=row["case_id"],
            dataset="hatecheck",
            split="test",
            text=row["test_case"].strip(),
            labels=hateful(row["label_gold"] == "hateful"),
            tags=(row["functionality"],),
        )
        for row in _rows(root / "hatecheck.csv", *columns, label="label_gold", hate="hateful", no_hate="non-hateful")
    ]


def _rows(path: Path, *columns: str, label: str, hate: str, no_hate: str) -> list[dict[str, str]]:
    """The rows of a CSV; raises ``DatasetError`` naming the line of one that lacks a column or has another label."""
    with existing(path).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = []
        for row in reader:
            absent = [name for name in (*columns, label) if row.get(name) is None]
            if absent:
                raise DatasetError(f"{path}, line {reader.line_num}: no {absent[0]}")
            if row[label] not in (hate, no_hate):
                raise DatasetError(
                    f"{path}, line {reader.line_num}: unknown label {row[label]!r}; expected {hate} or {no_hate}"
                )
            rows.append(row)
    return rows


def _sample(dataset: str, split: str, id_: str, text: str, is_hateful: bool) -> Sample:
    return Sample(id=id_, dataset=dataset, split=split, text=text.strip(), labels=hateful(is_hateful))
