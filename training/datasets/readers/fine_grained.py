"""Fine-grained Hateful Memes (WOAH 2021): which protected class is attacked, and how.

JSON Lines, although most of its files end in ``.json``: train.json, dev_seen.json, dev_unseen.json, test.jsonl, in the
folder of Hateful Memes or in ``data/annotations`` of the release, with ``img/`` in or above that folder. A row has
``id`` (an integer: its leading zeros are put back, so that ids are those of Hateful Memes), ``img``, ``text``,
``set_name``, ``gold_hate``, ``gold_pc``, ``gold_attack`` (lists), and ``pc``, ``attack``: a list of an annotator's
choices for each annotator, or the string "None". Labels are the gold lists; where one is empty, absent or "None" the
task is not labelled. The task ``target`` follows from the protected class.
"""

from pathlib import Path

from model.taxonomy import TASKS
from training.datasets.base import Labels, Loaded, Sample, hateful, label_of
from training.datasets.pictures import RowPictures
from training.datasets.readers.hateful_memes import words
from training.datasets.shown import shown
from training.datasets.split_files import file_of_split, files_by_stem, first_object, in_order
from training.datasets.tables import Row, RowProblem, load_rows, picture_of, read_json
from training.datasets.target_groups import TargetLabels

_FOLDERS = ("", "annotations", "data/annotations")
_GOLD = {"gold_pc": "protected_class", "gold_attack": "attack"}
_ATTACKED, _NOBODY = "gold_pc", "pc_empty"
_ID_DIGITS = 5


def splits_of_fine_grained(root: Path) -> tuple[str, ...]:
    """The splits that lie in or below ``root``, named as the files are."""
    return in_order(_files(root))


def is_fine_grained(root: Path) -> bool:
    """Whether a file of this layout lies in ``root``, or ``root`` is one."""
    return bool(_files(root))


def read_hateful_memes_fine_grained(root: Path, split: str, *, dataset: str = "hateful_memes_fine_grained") -> Loaded:
    """Samples of ``<split>.json`` or ``<split>.jsonl`` with labels of hateful, protected_class and attack.

    Raises ``DatasetError`` when the file is missing or is none of this layout.
    """
    path = file_of_split(_files(root), split, root / f"{split}.json")
    table = read_json(path).nonempty().require("id", "img", "text")
    pictures = RowPictures(path.parent, *path.resolve().parents[1:3])
    return load_rows(table, lambda row: _sample(row, pictures, split, dataset), pictures)


def _files(root: Path) -> dict[str, Path]:
    folders = [root] if root.is_file() else [root / folder for folder in reversed(_FOLDERS)]
    files = {stem: path for folder in folders for stem, path in files_by_stem(folder, ".json", ".jsonl").items()}
    return {stem: path for stem, path in files.items() if _is_row(first_object(path))}


def _is_row(row: dict[str, object]) -> bool:
    return {"id", "img", "text"} <= row.keys() and bool({"gold_hate", "set_name"} & row.keys())


def _sample(row: Row, pictures: RowPictures, split: str, dataset: str) -> Sample:
    if row.values.get("id") is None:
        raise RowProblem("no id")
    labels: Labels = _hate(row)
    for column, task in _GOLD.items():
        names = _names(row, column)
        if names:
            labels[task] = tuple(sorted({_class_index(task, name, column) for name in names}))
            if column == _ATTACKED:
                labels |= _target(names, labels)
    return Sample(
        id=row.text("id").zfill(_ID_DIGITS),
        dataset=dataset,
        split=split,
        text=words(row, "text"),
        labels=labels,
        image=picture_of(pictures, words(row, "img")),
    )


def _hate(row: Row) -> Labels:
    names = _names(row, "gold_hate")
    if len(names) > 1:
        raise RowProblem(f"gold_hate holds {len(names)} classes; one was expected")
    if not names:
        return {}
    _class_index("hateful", names[0], "gold_hate")
    return label_of("hateful", names[0])


def _target(names: list[str], labels: Labels) -> Labels:
    """The label of the task ``target`` that protected classes stand for; none for hate that attacks no such class."""
    attacked = [name for name in names if name != _NOBODY]
    found = TargetLabels().added(hateful(True) if attacked else labels, attacked)
    return {task: label for task, label in found.items() if task == "target"}


def _names(row: Row, column: str) -> list[str]:
    value = row.values.get(column)
    if value in (None, "None"):
        return []
    if not isinstance(value, list):
        raise RowProblem(f"{column} is {type(value).__name__}; a list or the string None was expected")
    return [str(name) for name in value]


def _class_index(task: str, name: str, column: str) -> int:
    classes = TASKS[task].classes
    if name not in classes:
        raise RowProblem(f"{column}: unknown class {shown(name)}; expected one of {', '.join(classes)}")
    return classes.index(name)
