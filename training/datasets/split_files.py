"""Files of splits: which holds which, told by its name."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training.datasets.base import DatasetError

_SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "development": "dev",
    "test": "test",
    "testing": "test",
}
_ORDER = ("train", "dev", "dev_seen", "dev_unseen", "test", "test_seen", "test_unseen", "all")
#: More of a file than any row that says what the file is.
_PROBE_BYTES = 1_000_000


def split_of(name: str) -> str | None:
    """``train``, ``dev`` or ``test`` when the name holds a word for exactly one; ``dev_seen`` stays ``dev_seen``."""
    words = [word for word in re.split(r"[^a-z]+", name.casefold()) if word]
    splits = {_SPLITS[word] for word in words if word in _SPLITS}
    if len(splits) != 1:
        return None
    seen = [word for word in words if word in ("seen", "unseen")]
    return "_".join([*splits, *seen[:1]])


def in_order(splits: Iterable[str]) -> tuple[str, ...]:
    """Each split once: train, dev, test, then the rest by name."""
    return tuple(sorted(set(splits), key=lambda split: (_ORDER.index(split) if split in _ORDER else 99, split)))


def files_by_stem(root: Path, *suffixes: str) -> dict[str, Path]:
    """The files of a folder with one of ``suffixes`` by stem, an earlier suffix first; or ``root`` itself, a file."""
    if root.is_file():
        return {root.stem: root} if root.suffix.lower() in suffixes else {}
    paths = [path for suffix in reversed(suffixes) for path in sorted(root.glob(f"*{suffix}")) if path.is_file()]
    return {path.stem: path for path in paths}


def files_there(root: Path, names: Mapping[str, str]) -> dict[str, Path]:
    """Of files that are named by split, those that lie in a folder, or ``root`` itself, a file of that name."""
    paths = {split: root if root.name == name else root / name for split, name in names.items()}
    return {split: path for split, path in paths.items() if path.is_file()}


def file_of_split(files: dict[str, Path], split: str, missing: Path) -> Path:
    """The file of a split; raises ``DatasetError`` naming the ``missing`` file and the splits that are there."""
    if split not in files:
        there = ", ".join(in_order(files))
        hint = f"; the splits that are there: {there}" if there else ""
        raise DatasetError(f"{missing} is missing; see data_cards/ for the layout that this dataset has on disk{hint}")
    return files[split]


def first_object(path: Path) -> dict[str, Any]:
    """The first row of a JSON Lines file that can be read; empty when there is none near its beginning."""
    try:
        with path.open("rb") as file:
            lines = file.read(_PROBE_BYTES).decode("utf-8-sig", "replace").split("\n")
    except OSError:
        return {}
    return next(filter(None, map(_object, lines)), {})


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
