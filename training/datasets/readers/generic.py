"""One's own data: a JSON Lines, JSON, CSV or TSV file, a folder of them, or folders of pictures named by class.

Columns are known by the names in ``training.datasets.columns``, label values by those in
``training.datasets.readers.generic_labels`` or by a label map. ``data_cards/generic.md`` is the format in full.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from model.files.picture_names import looks_like_picture
from training.datasets.base import DatasetError, Loaded, Sample
from training.datasets.columns import WEAK_IMAGE, Columns, columns_of, normalised
from training.datasets.label_map import FILE_NAME, read_label_map
from training.datasets.pictures import RowPictures
from training.datasets.readers.generic_files import SplitRows, parts_of, picture_folders
from training.datasets.readers.generic_labels import LabelReader, are_targets, check_labelled, has_meaning
from training.datasets.readers.image_folder import class_folders, read_image_folder, splits_of_image_folder
from training.datasets.split_files import in_order
from training.datasets.tables import Row, RowProblem, Table, load_rows, picture_of, read_table, tags_of, words_of


def splits_of_generic(root: Path) -> tuple[str, ...]:
    """The splits of the tables or, where there are none, of the class folders; "all" where nothing says a split."""
    return in_order(parts_of(root) or splits_of_image_folder(root))


def is_generic(root: Path) -> bool:
    """Whether there is a table of memes, or a class folder whose name has a meaning."""
    if root.is_file():
        return bool(parts_of(root))
    if parts_of(root):
        return True
    names = (path.name for folder in splits_of_image_folder(root).values() for path in class_folders(folder))
    return (root / FILE_NAME).is_file() or any(map(has_meaning, names))


def read_generic(
    root: Path, split: str, *, dataset: str | None = None, label_map: Mapping[str, str] | None = None
) -> Loaded:
    """Samples of a split; ``label_map`` (by default ``label_map.yaml`` beside the data) says what label values mean.

    Raises ``DatasetError`` when the split is not there or its file has no column that says what is on a meme.
    """
    folder = root if root.is_dir() else root.parent
    name = dataset or (root.resolve().name if root.is_dir() else root.resolve().stem)
    parts = parts_of(root)
    if label_map is None:
        label_map = _label_map(folder, parts[split].path.parent if split in parts else folder)
    if split in parts:
        return _read_part(parts[split], split, name, label_map)
    folders = {} if parts else splits_of_image_folder(root)
    if split in folders:
        return read_image_folder(folders[split], split, name, LabelReader(columns_of(()), label_map))
    there = ", ".join(parts or folders)
    raise DatasetError(f"{root} has no split {split!r}; it has: {there or 'no table, and no folders named by class'}")


def _label_map(*folders: Path) -> dict[str, str] | None:
    maps = (read_label_map(folder) for folder in folders)
    return next((found for found in maps if found is not None), None)


def _columns(table: Table) -> Columns:
    """The columns of a table by their names and, where a name may mean something else, by what stands in them.

    "name", "file" and "path" are of pictures only when picture names do, and "target" is the task's when its classes
    do.
    """
    columns = columns_of(table.columns)
    other = [
        task
        for column, task in columns.tasks
        if task == "target" and not are_targets(row.values.get(column) for row in table.rows)
    ]
    columns = columns_of(table.columns, other_tasks=other)
    image = columns.image
    if image is None or normalised(image) not in WEAK_IMAGE:
        return columns
    if any(looks_like_picture(row.text(image)) for row in table.rows):
        return columns
    return columns_of((name for name in table.columns if name != image), other_tasks=other)


def _read_part(part: SplitRows, split: str, dataset: str, label_map: Mapping[str, str] | None) -> Loaded:
    whole = read_table(part.path)
    columns = _columns(whole)
    check_labelled(whole, columns, label_map)
    table = Table(whole.path, whole.columns, [row for row in whole.rows if part.holds(row)], whole.skipped)
    rows = _Rows(table, columns, split, dataset, LabelReader(columns, label_map))
    return replace(load_rows(table, rows.sample, rows.pictures), unknown_columns=columns.others)


class _Rows:
    """Makes samples of the rows of one table."""

    def __init__(self, table: Table, columns: Columns, split: str, dataset: str, labels: LabelReader) -> None:
        self._columns, self._split, self._dataset, self._labels = columns, split, dataset, labels
        self.pictures = RowPictures(*picture_folders(table.path, split))
        self._numbers = {id(row): str(number) for number, row in enumerate(table.rows, 1)}
        #: Some sets name no pictures: they are named as the ids are.
        self._named_by_id = columns.image is None and self.pictures.are_named_by(
            row.text(columns.id) for row in table.rows if columns.id is not None
        )

    def sample(self, row: Row) -> Sample:
        """The sample of a row; raises ``RowProblem`` for what cannot be read."""
        name = self._picture_name(row)
        text = next(filter(None, (words_of(row.values.get(column)) for column in self._columns.texts)), "")
        if not name and not text:
            raise RowProblem("neither a picture nor a text")
        return Sample(
            id=self._id(row, name),
            dataset=self._dataset,
            split=self._split,
            text=text,
            labels=self._labels(row),
            image=picture_of(self.pictures, name) if name else None,
            tags=tags_of(row.values.get(self._columns.tags or "")),
            caption=words_of(row.values.get(self._columns.caption or "")) or None,
        )

    def _picture_name(self, row: Row) -> str:
        column = self._columns.id if self._named_by_id else self._columns.image
        # Not stripped: a blank may be the file's own.
        name = "" if column is None or not row.text(column) else str(row.values[column])
        if name.strip().startswith(("http://", "https://")):
            raise RowProblem("the picture is a web address; download the pictures and name the files")
        return name

    def _id(self, row: Row, picture: str) -> str:
        own = row.text(self._columns.id) if self._columns.id is not None else ""
        return own or picture.strip() or self._numbers[id(row)]
