"""Label map: what a file's own label values mean.

    {"very harmful": "hateful=hateful", "not harmful": "hateful=not_hateful"}

A key is a value of the label column, or ``column=value`` for a column of any name (``misogynous=1``). A target is
``task=class`` with names of the taxonomy, several of them separated by commas, or ``ignore`` for a value that says
nothing. Beside the data it can lie in a file ``label_map.yaml``.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from model.taxonomy import TASKS
from training.datasets.base import DatasetError, Labels, label_of
from training.datasets.shown import shown
from training.datasets.tables import RowProblem

IGNORE = "ignore"
FILE_NAME = "label_map.yaml"


def check_label_map(label_map: Mapping[str, str]) -> None:
    """Raises ``ValueError`` naming the first target that is not in the taxonomy."""
    for target in label_map.values():
        targets(target)


def targets(target: str) -> dict[str, str]:
    """``"hateful=hateful, offensive=offensive"`` to class names by task; raises ``ValueError`` for unknown names."""
    if target.strip() == IGNORE:
        return {}
    return dict(class_target(part.strip()) for part in target.split(","))


def class_target(part: str, key: str = "label_map") -> tuple[str, str]:
    """``task=class`` as a pair; raises ``ValueError``, naming ``key``, for names that are not in the taxonomy."""
    task, equals, class_name = (piece.strip() for piece in part.partition("="))
    if not equals or task not in TASKS:
        ignore = f"; or write {IGNORE}" if key == "label_map" else ""
        raise ValueError(f"{key}: {part!r} is no task=class; the tasks are {', '.join(TASKS)}{ignore}")
    if class_name not in TASKS[task].classes:
        raise ValueError(f"{key}: {task} has no class {class_name!r}; its classes are {', '.join(TASKS[task].classes)}")
    return task, class_name


def meanings(known: Mapping[str, str], label_map: Mapping[str, str] | None) -> dict[str, str]:
    """What a set's own label values mean: as ``known``, but for those that a label map says something else of.

    Raises ``DatasetError`` for a value that the set does not have.
    """
    unknown = [value for value in label_map or {} if value not in known]
    if unknown:
        raise DatasetError(f"label_map: {shown(unknown[0])} is no label of this set; its labels are {', '.join(known)}")
    return {**known, **(label_map or {})}


def labels_of_value(value: str, mapped: Mapping[str, str]) -> Labels:
    """The labels of a row with that label value; raises ``RowProblem`` for one that is unknown or to be ignored."""
    if value not in mapped:
        raise RowProblem(f"label {shown(value)} is unknown; expected {', '.join(mapped)}")
    found = targets(mapped[value])
    if not found:
        raise RowProblem(f"label {shown(value)} says nothing")
    labels: Labels = {}
    for task, class_name in found.items():
        labels |= label_of(task, class_name)
    return labels


def read_label_map(folder: Path) -> dict[str, str] | None:
    """``label_map.yaml`` of a folder, None when there is none; raises ``DatasetError`` when it does not fit."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        label_map = _strings(yaml.safe_load(path.read_text(encoding="utf-8-sig")))
        check_label_map(label_map)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: {error}") from error
    return label_map


def _strings(content: object) -> dict[str, str]:
    """YAML reads an unquoted 1 as a number, and no as False."""
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise ValueError("expected one line a value, as in: very harmful: hateful=hateful")
    booleans = [str(key) for key in content if isinstance(key, bool)]
    if booleans:
        raise ValueError("put the words yes, no, true and false in quotes; YAML takes them for something else")
    return {str(key): value for key, value in content.items()}
