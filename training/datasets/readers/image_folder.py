"""Pictures without a table, in folders named by class: ``hateful/a.jpg`` or ``train/hateful/a.jpg``."""

from collections.abc import Iterator
from pathlib import Path

from model.files.picture_names import is_picture
from training.datasets.base import Loaded, Sample, Skipped
from training.datasets.readers.generic_labels import LabelReader
from training.datasets.split_files import in_order, split_of
from training.datasets.tables import RowProblem

_UNSPLIT = "all"


def splits_of_image_folder(root: Path) -> dict[str, Path]:
    """The folder of each split, in which the class folders lie; empty when there are none."""
    if not root.is_dir():
        return {}
    if any(True for folder in _folders(root) if split_of(folder.name) is None and _has_pictures(folder)):
        return {_UNSPLIT: root}
    found = {split_of(folder.name): folder for folder in _folders(root) if any(map(_has_pictures, _folders(folder)))}
    folders = {split: folder for split, folder in found.items() if split is not None}
    return {split: folders[split] for split in in_order(folders)}


def class_folders(folder: Path) -> Iterator[Path]:
    """The subfolders that hold pictures."""
    return (subfolder for subfolder in _folders(folder) if _has_pictures(subfolder))


def read_image_folder(folder: Path, split: str, dataset: str, labels: LabelReader) -> Loaded:
    """Samples without text; a folder whose name has no meaning is skipped as a whole."""
    samples: list[Sample] = []
    skipped: list[Skipped] = []
    for class_folder in class_folders(folder):
        pictures = sorted(filter(is_picture, class_folder.rglob("*")))
        try:
            label = labels.of_word(class_folder.name)
        except RowProblem as problem:
            skipped.append(Skipped(str(class_folder), f"{len(pictures)} pictures: {problem}"))
            continue
        samples += [
            Sample(path.relative_to(folder).as_posix(), dataset, split, "", dict(label), path) for path in pictures
        ]
    return Loaded(samples, skipped)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _has_pictures(folder: Path) -> bool:
    return any(map(is_picture, folder.rglob("*")))
