"""Tables of one's own around one picture, a.png, and what is read of their rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.dataset_files import write_json_lines, write_picture
from training.datasets import Loaded, read_generic


def write_root(folder: Path) -> Path:
    """A folder with the picture a.png in it, for tables to name."""
    write_picture(folder / "mine" / "a.png", 1)
    return folder / "mine"


def labels_of(root: Path, *rows: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
    """Labels of the rows of a table, each of which is given the picture a.png."""
    return [sample.labels for sample in _read(root, rows, options).samples]


def reasons_of(root: Path, *rows: Mapping[str, Any], **options: Any) -> list[str]:
    """Why rows of such a table were left out."""
    return [skipped.reason for skipped in _read(root, rows, options).skipped]


def _read(root: Path, rows: tuple[Mapping[str, Any], ...], options: Mapping[str, Any]) -> Loaded:
    write_json_lines(root / "data.jsonl", [{"image": "a.png", **row} for row in rows])
    return read_generic(root, "all", **options)
