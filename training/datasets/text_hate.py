"""Text-only hate speech: HatemojiBuild (Kirk et al. 2022), Stormfront (de Gibert et al. 2018) and HateCheck
(Roettger et al. 2021). HateCheck is a functional test: never train on it.
"""

import csv
from pathlib import Path

from training.datasets.base import Sample, existing, hateful

_HATEMOJI_FILES = {"train": "train", "dev": "validation", "test": "test"}


def read_hatemoji(root: Path, split: str) -> list[Sample]:
    """HatemojiBuild, ``hatemoji_build_{train,validation,test}.csv``: adversarial, balanced, rich in emoji."""
    rows = _rows(root / f"hatemoji_build_{_HATEMOJI_FILES[split]}.csv")
    return [_sample("hatemoji", split, row["entry_id"], row["text"], row["label_gold"] == "1") for row in rows]


def read_stormfront(root: Path) -> list[Sample]:
    """``stormfront.csv``: forum sentences labelled hate or noHate; it has no official split here."""
    rows = _rows(root / "stormfront.csv")
    return [_sample("stormfront", "train", row["id"], row["text"], row["label"] == "hate") for row in rows]


def read_hatecheck(root: Path) -> list[Sample]:
    """``hatecheck.csv``: 29 functions; the function is the sample's only tag."""
    return [
        Sample(
            id=row["case_id"],
            dataset="hatecheck",
            split="test",
            text=row["test_case"].strip(),
            labels=hateful(row["label_gold"] == "hateful"),
            tags=(row["functionality"],),
        )
        for row in _rows(root / "hatecheck.csv")
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    with existing(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _sample(dataset: str, split: str, id_: str, text: str, is_hateful: bool) -> Sample:
    return Sample(id=id_, dataset=dataset, split=split, text=text.strip(), labels=hateful(is_hateful))
