"""The input of a run as a stream of items: Parquet, JSON, CSV or TSV, a folder or a glob, by path or address."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.files.cells import says_nothing
from serving.batch.errors import BatchError
from serving.batch.input.files import Files, beside
from serving.batch.input.items import Columns, Item
from serving.batch.input.readers import JSON_KINDS, READERS, Row, check_rows
from serving.requests.base64_image import is_data_url


class BatchInput:
    """Files of one kind, in one order. Raises ``BatchError`` when there is nothing there, or nothing that can be read.

    ``address`` is where they lie, from wherever one looks. A folder of pictures has no columns.
    """

    def __init__(self, address: str, columns: Columns) -> None:
        self.columns = columns
        self._files = Files(address)
        self.address = self._files.address
        self.kind = self._files.kind

    @property
    def protocols(self) -> frozenset[str]:
        """Of the file systems that the input is on: "file", "s3" and so on."""
        return self._files.protocols

    @property
    def n_passed_over(self) -> int:
        """Files that lie there with endings of no picture and no table."""
        return self._files.n_passed_over

    def stamp(self) -> str:
        """Sha256 over the names and versions of the files: another one when a file changed."""
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(repr((file, self._files.version(file))).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def covers(self, folder: Path) -> bool:
        """Whether what is written into ``folder`` would be read as input."""
        return self._files.covers(folder)

    def items(self) -> Iterator[Item]:
        """Every item, in order, without holding more than a few in memory; raises ``BatchError`` for bad ones."""
        if self.kind == "pictures":
            for file in self._files:
                yield Item(file, self._files.name(file), self._files.address_of(file))
            return
        rows = check_rows(self._rows(), self.columns) if self.kind in JSON_KINDS else self._rows()
        for file, number, row in rows:
            yield self._item(file, row, f"{file} row {number}")

    def _rows(self) -> Iterator[tuple[str, int, Row]]:
        for file in self._files:
            with self._files.read(file) as handle:
                for number, row in READERS[self.kind](handle, file, self.columns):
                    yield file, number, row

    def _item(self, file: str, row: Row, location: str) -> Item:
        names = self.columns
        image = self._image(file, row.get(names.image), location) if names.image else None
        return Item(
            location=location,
            id=_id(row.get(names.id), location, names.id),
            image=image,
            text=_text(row.get(names.text), location, names.text, has_image=image is not None),
            tags=_tags(row.get(names.tags), location, names.tags),
            folder=self._files.folder_of(file),
        )

    def _image(self, file: str, image: object, location: str) -> str | bytes | None:
        """A relative path is relative to the table's folder."""
        if isinstance(image, Mapping):  # as Hugging Face stores pictures
            image = image.get("path") if image.get("bytes") is None else image["bytes"]
        if _absent(image) or (isinstance(image, str) and says_nothing(image)):
            return None
        if isinstance(image, bytes):
            return image
        if isinstance(image, int | float) and not isinstance(image, bool):  # a name that a table took for a number
            image = str(image)
        if not isinstance(image, str):
            raise BatchError(
                f"{location}: column {self.columns.image!r} holds {type(image).__name__}, not a path or bytes; "
                "name the column of the pictures with --image-column"
            )
        if "://" in image or image.startswith("/") or is_data_url(image):
            return image
        return self._files.address_of(beside(file, image))


def _id(value: object, location: str, column: str) -> str | None:
    """An id as the output will carry it; None when there is none. Numbers become what they look like."""
    text = None if _absent(value) else _one_value(value, location, column)
    if text is not None and not _encodable(text):
        raise BatchError(f"{location}: column {column!r} holds half a character (a lone surrogate)")
    return text or None


def _text(value: object, location: str, column: str, *, has_image: bool) -> str | None:
    """Words, or None when they are not given. "nan" beside a picture would keep it unread; alone, it is judged."""
    text = None if _absent(value) else _one_value(value, location, column)
    return None if text is not None and has_image and text.strip() and says_nothing(text) else text


def _tags(value: object, location: str, column: str) -> tuple[str, ...]:
    """A list of words, or one string with commas."""
    if _absent(value):
        return ()
    given = value if isinstance(value, list) else _one_value(value, location, column).split(",")
    words = (_one_value(tag, location, column).strip() for tag in given if not _absent(tag))
    return tuple(word for word in words if not says_nothing(word))


def _absent(value: object) -> bool:
    """Nothing, or the number that tables write for it."""
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124  only NaN differs from itself


def _one_value(value: Any, location: str, column: str) -> str:
    if isinstance(value, bytes):  # a column of text that its writer did not mark as such
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise BatchError(f"{location}: column {column!r} holds bytes that are no UTF-8 text") from error
    if isinstance(value, Mapping | list):
        raise BatchError(f"{location}: column {column!r} holds a {type(value).__name__}, not one value")
    return str(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
