"""Where the rows of somebody's own dataset lie: which files hold which splits, and which folders hold pictures."""

from dataclasses import dataclass
from pathlib import Path

from model.files.picture_finder import usual_folders
from training.datasets.base import DatasetError
from training.datasets.columns import columns_of
from training.datasets.shown import named
from training.datasets.split_files import in_order, split_of
from training.datasets.tables import CSV_SUFFIXES, JSON_SUFFIXES, Row, read_table

UNSPLIT = "all"
#: Where a release keeps its tables when they are not in the folder itself.
_TABLE_FOLDERS = ("annotations", "annotation", "labels", "data")
#: JSON that lies beside the rows and is none of them.
_NOT_ROWS = ("captions.json",)


@dataclass(frozen=True)
class SplitRows:
    """The rows of a split: a whole file, or those rows of it whose ``split_column`` says so."""

    path: Path
    split: str
    split_column: str | None = None

    def holds(self, row: Row) -> bool:
        """Whether the row is of this split."""
        return self.split_column is None or split_named(row.text(self.split_column)) == self.split


def split_named(text: str) -> str:
    """The split that a cell or a file name says; one of no known name is a split of that name."""
    return split_of(text) or text.strip() or UNSPLIT


def parts_of(root: Path) -> dict[str, SplitRows]:
    """The splits of a file or folder. Raises ``DatasetError`` when two files hold the same one."""
    if root.is_file():
        return {part.split: part for part in _parts_of_file(root, split_of(root.stem), strict=True)}
    parts = _parts_of_folder(root)
    for folder in sorted(path for path in root.iterdir() if path.is_dir()) if not parts else ():
        if folder.name.casefold() in _TABLE_FOLDERS:
            parts += _parts_of_folder(folder)
        elif split := split_of(folder.name):
            parts += _parts_of_folder(folder, split)
    return _by_split(root, parts)


def check_tables(root: Path) -> None:
    """Raise ``DatasetError`` for the first table of a folder, saying why no memes can be read from it."""
    for folder in (root, *(root / name for name in _TABLE_FOLDERS)):
        for path in _tables(folder) if folder.is_dir() else ():
            _parts_of_file(path, None, strict=True)


def picture_folders(path: Path, split: str) -> list[Path]:
    """Where the pictures that a table names may lie: beside it, then in folders of the usual names."""
    folders = [path.parent, *_named_folders(path.parent, path.stem, split)]
    if path.parent.name.casefold() in _TABLE_FOLDERS:
        folders += [path.parent.parent, *_named_folders(path.parent.parent, path.stem, split)]
    return [*folders, path.resolve().parent.parent]


def _named_folders(folder: Path, *own: str) -> list[Path]:
    """Subfolders of the usual names; then those named as the file or the split."""
    return usual_folders(folder, *own, *(f"{name}_images" for name in own))


def _parts_of_folder(folder: Path, split: str | None = None) -> list[SplitRows]:
    return [part for path in _tables(folder) for part in _parts_of_file(path, split_of(path.stem) or split)]


def _tables(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in JSON_SUFFIXES + CSV_SUFFIXES]
    return [path for path in files if path.is_file() and path.name not in _NOT_ROWS and path.name[0] != "."]


def _parts_of_file(path: Path, split: str | None, *, strict: bool = False) -> list[SplitRows]:
    """The splits in a file; none when it holds no memes. ``strict``: it was asked for, so say why."""
    try:
        table = read_table(path)
    except DatasetError:
        if strict:
            raise
        # A file that is named as a split must be missed loudly: reading it says what is wrong with it.
        return [SplitRows(path, split)] if split else []
    columns = columns_of(table.columns)
    if not columns.hold_memes:
        if strict:
            raise DatasetError(
                f"{path}: no column is known as an image or a text; it has {named(table.columns)}. Name them as in "
                "data_cards/generic.md"
            )
        return []
    if split or columns.split is None:
        return [SplitRows(path, split or UNSPLIT)]
    splits = in_order(split_named(row.text(columns.split)) for row in table.rows)
    return [SplitRows(path, name, columns.split) for name in splits]


def _by_split(root: Path, parts: list[SplitRows]) -> dict[str, SplitRows]:
    """Parts by split; where several files hold the same one, the files' own names tell them apart."""
    n_files = {split: sum(part.split == split for part in parts) for split in {part.split for part in parts}}
    named: dict[str, SplitRows] = {}
    for part in parts:
        name = part.split if n_files[part.split] == 1 else part.path.stem
        if name in named:
            raise DatasetError(f"{root}: both {named[name].path} and {part.path} hold {name!r}; give one file by name")
        named[name] = part if name == part.split else SplitRows(part.path, name)
    return {split: named[split] for split in in_order(named)}
