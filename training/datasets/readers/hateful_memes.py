"""Hateful Memes (Kiela et al. 2020) and sets in its layout: ``<split>.jsonl`` beside ``img/``.

A line is ``{"id": "01235", "img": "img/01235.png", "label": 0, "text": "..."}``. Ids keep their leading zeros, so they
are strings, and 400 of them are in both dev_seen and dev_unseen. Older copies have dev.jsonl and test.jsonl. A split
without labels (older test files; -1 in copies from a hub) gives samples with empty ``labels``. The release has no
``tags`` and no ``caption``; they are read where somebody has added them.
"""

from collections.abc import Mapping
from pathlib import Path

from model.files.cells import says_nothing
from model.taxonomy import TASKS
from training.datasets.base import Labels, Loaded, Sample
from training.datasets.label_map import labels_of_value, meanings
from training.datasets.pictures import RowPictures
from training.datasets.readers.generic_files import picture_folders
from training.datasets.readers.generic_labels import are_targets
from training.datasets.shown import shown
from training.datasets.split_files import file_of_split, files_by_stem, first_object, in_order, split_of
from training.datasets.tables import Row, RowProblem, load_rows, picture_of, read_json, tags_of, words_of

HATEFUL_MEMES_LABELS = {"0": "hateful=not_hateful", "1": "hateful=hateful"}
_LABELS: dict[object, str] = {0: "0", 1: "1", "0": "0", "1": "1"}
_FINE_GRAINED = {"gold_hate", "set_name"}
_UNLABELLED = (None, "", -1, "-1")


def splits_of_hateful_memes(root: Path) -> tuple[str, ...]:
    """The splits that lie in ``root``, named as the files are."""
    return in_order(_files(root))


def read_hateful_memes(
    root: Path, split: str, *, dataset: str = "hateful_memes", label_map: Mapping[str, str] | None = None
) -> Loaded:
    """Samples of ``root/<split>.jsonl``; ``dataset`` names the set when it only borrows the layout.

    ``label_map`` gives 0 and 1 other meanings, such as whom the memes of a set about one group attack. Raises
    ``DatasetError`` when the file is missing or is none of this layout.
    """
    path = file_of_split(_files(root), split, root / f"{split}.jsonl")
    table = read_json(path).nonempty().require("id", "img", "text")
    pictures = RowPictures(*picture_folders(path, split))
    mapped = meanings(HATEFUL_MEMES_LABELS, label_map)
    return load_rows(table, lambda row: _sample(row, pictures, split, dataset, mapped), pictures)


def _files(root: Path) -> dict[str, Path]:
    files = files_by_stem(root, ".jsonl")
    return {stem: path for stem, path in files.items() if _may_be_of_this_layout(stem, first_object(path))}


def _may_be_of_this_layout(stem: str, row: dict[str, object]) -> bool:
    """A file that is named as a split and cannot be read must be missed loudly, so it counts."""
    return is_hateful_memes_row(row) or (split_of(stem) is not None and not _FINE_GRAINED & row.keys())


def is_hateful_memes(root: Path) -> bool:
    """Whether a file of this layout lies in ``root``, or ``root`` is one."""
    return any(is_hateful_memes_row(first_object(path)) for path in files_by_stem(root, ".jsonl").values())


def is_hateful_memes_row(row: dict[str, object]) -> bool:
    """Told from the fine-grained files and from tables with other labels, which are read by other readers."""
    others = _FINE_GRAINED.union(TASKS) & row.keys()
    if not are_targets([row.get("target")]):
        others -= {"target"}  # it means something else
    label = row.get("label")
    return {"id", "img", "text"} <= row.keys() and not others and (label in _UNLABELLED or str(label) in ("0", "1"))


def _sample(row: Row, pictures: RowPictures, split: str, dataset: str, mapped: Mapping[str, str]) -> Sample:
    return Sample(
        id=_id(row),
        dataset=dataset,
        split=split,
        text=words(row, "text"),
        labels=_labels(row.values.get("label"), mapped),
        image=picture_of(pictures, words(row, "img")),
        tags=tags_of(row.values.get("tags")),
        caption=words_of(row.values.get("caption")) or None,
    )


def _id(row: Row) -> str:
    if row.values.get("id") is None:
        raise RowProblem("no id")
    return str(row.values["id"])


def _labels(label: object, mapped: Mapping[str, str]) -> Labels:
    if label in _UNLABELLED:
        return {}
    if isinstance(label, list | dict) or label not in _LABELS:
        raise RowProblem(f"label {shown(label)} is not 0 or 1")
    return labels_of_value(_LABELS[label], mapped)


def words(row: Row, key: str) -> str:
    """A field that must be a string, "" where it says nothing; raises ``RowProblem`` for anything else."""
    value = row.values.get(key)
    if not isinstance(value, str):
        raise RowProblem(f"{key} is not a string" if key in row.values else f"no {key}")
    return "" if says_nothing(value) else value
