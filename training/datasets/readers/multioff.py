"""MultiOFF (Suryawanshi et al. 2020), in its own layout.

``Split Dataset/{Training,Validation,Testing}_meme_dataset.csv`` with image_name, sentence, label, where the labels are
"offensive" and "Non-offensiv" (the typo is the dataset's; a corrected copy is read as well), beside ``Labelled
Images/``, where a .png name may hold JPEG bytes. One validation picture is missing in the published set.
``captions.json``, when it is there, holds machine captions by picture name.
"""

import json
from pathlib import Path

from training.datasets.base import DatasetError, Loaded, Sample, label_of
from training.datasets.pictures import RowPictures
from training.datasets.shown import shown
from training.datasets.split_files import file_of_split
from training.datasets.tables import Row, RowProblem, load_rows, picture_of, read_csv

_FOLDER, _PICTURES = "Split Dataset", "Labelled Images"
_FILES = {"train": "Training", "dev": "Validation", "test": "Testing"}
_CLASSES = {"offensive": "offensive", "Non-offensiv": "not_offensive", "Non-offensive": "not_offensive"}


def splits_of_multioff(root: Path) -> tuple[str, ...]:
    """Those of ``train``, ``dev`` and ``test`` whose file is there."""
    return tuple(_paths(root))


def is_multioff(root: Path) -> bool:
    """Whether a file of this layout is there."""
    return bool(_paths(root))


def read_multioff(root: Path, split: str, *, dataset: str = "multioff") -> Loaded:
    """Samples of a split ("train", "dev" or "test"); rows whose picture is missing are skipped.

    ``root`` is the folder of both folders, or one of the three files.
    Raises ``DatasetError`` when the file is missing or has other columns.
    """
    path = file_of_split(_paths(root), split, root / _FOLDER / f"{_FILES.get(split, split)}_meme_dataset.csv")
    root = root if root.is_dir() else path.absolute().parents[1]
    table = read_csv(path).nonempty().require("image_name", "sentence", "label")
    captions = _captions(root)
    pictures = RowPictures(root / _PICTURES)
    return load_rows(table, lambda row: _sample(row, pictures, split, dataset, captions), pictures)


def _paths(root: Path) -> dict[str, Path]:
    names = {split: f"{name}_meme_dataset.csv" for split, name in _FILES.items()}
    paths = {split: root if root.name == name else root / _FOLDER / name for split, name in names.items()}
    return {split: path for split, path in paths.items() if path.is_file()}


def _captions(root: Path) -> dict[str, str]:
    path = root / "captions.json"
    if not path.is_file():
        return {}
    try:
        captions = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON ({error}); repair or remove it") from error
    if not isinstance(captions, dict):
        raise DatasetError(f"{path} is not an object of captions by picture name; repair or remove it")
    return {str(name): str(caption) for name, caption in captions.items()}


def _sample(row: Row, pictures: RowPictures, split: str, dataset: str, captions: dict[str, str]) -> Sample:
    name, label = row.text("image_name"), row.text("label")
    if label not in _CLASSES:
        raise RowProblem(f"label {shown(label)} is unknown; expected one of {', '.join(_CLASSES)}")
    if row.values.get("sentence") is None:
        raise RowProblem("no sentence")
    return Sample(
        id=name,
        dataset=dataset,
        split=split,
        text=row.text("sentence"),
        labels=label_of("offensive", _CLASSES[label]),
        image=picture_of(pictures, name),
        caption=captions.get(name),
    )
