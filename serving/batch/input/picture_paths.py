"""Paths of pictures as rows write them, to files of this machine: what an exact name does not find.

Only below the folder of the row's table is anything looked for by another name than the row gives.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from model import Failure
from model.files.picture_finder import Found, PictureFinder, Several, usual_folders
from model.files.spellings import spellings
from serving.batch.input.files import without_secrets
from serving.batch.input.items import Item
from serving.requests.base64_image import is_data_url

_MAX_SHOWN_CHARS = 200


@dataclass(frozen=True)
class Resolved:
    """An item with the file that it names. ``found``: by what, where the row gives another name than the file has.

    ``failure``: why it names none.
    """

    item: Item
    found: Found | None = None
    failure: Failure | None = None


class PicturePaths:
    """Resolves items, with an index of each folder that is made when a name is not found in it, and once."""

    def __init__(self, protocols: frozenset[str], within: Path | None = None) -> None:
        """``within``: no file outside of this folder is looked for, not even to learn whether it is there."""
        self._reads_files = "file" in protocols
        self._within = None if within is None else within.resolve()
        self._finders: dict[str, PictureFinder] = {}

    def resolve(self, item: Item) -> Resolved:
        """The item, with the path of its picture where that is another one."""
        name = self._name(item)
        if name is None or item.folder is None or self._is_file(str(item.image)):
            return Resolved(item)
        if item.folder not in self._finders:
            folder = Path(item.folder)
            self._finders[item.folder] = PictureFinder(folder, *usual_folders(folder), within=self._within)
        found = self._finders[item.folder].find(name)
        if isinstance(found, Found):
            return Resolved(replace(item, image=str(found.path)), found if found.by else None)
        reason = str(found) if isinstance(found, Several) else _not_here(name, item.folder)
        if not reason:
            return Resolved(item)
        return Resolved(item, failure=Failure(item.id or "", "unreadable_file", f"{shown_address(name)}: {reason}"))

    def _is_file(self, path: str) -> bool:
        try:
            return (self._within is None or is_within(path, self._within)) and Path(path).is_file()
        except (OSError, ValueError):
            return False

    def _name(self, item: Item) -> str | None:
        """What the row gives, where it may be a file of this machine."""
        if not self._reads_files or item.folder is None or not isinstance(item.image, str) or is_data_url(item.image):
            return None
        below = f"{item.folder.rstrip('/')}/"
        if item.image.startswith(below):
            return item.image[len(below) :]
        return item.image if item.image.startswith("/") or item.image.lower().startswith("file:") else None


def shown_address(address: str) -> str:
    """What a message may hold of it: no password, not a whole picture that came as text, nothing that is no text."""
    address = without_secrets(address)
    shown = address if len(address) <= _MAX_SHOWN_CHARS else f"{address[:_MAX_SHOWN_CHARS]}..."
    return shown.encode("utf-8", "backslashreplace").decode()


def _not_here(name: str, folder: str) -> str:
    """Why a path of another machine names nothing; "" for other paths, which can be opened as they are."""
    if not any(spelling.is_foreign for spelling in spellings(name)):
        return ""
    return f"a path of another machine, and no end of it is a file below {shown_address(folder)}"


def is_within(path: str, folder: Path) -> bool:
    """Whether a path leads into a folder, whose own path is resolved; raises OSError or ValueError for what is none."""
    return Path(path).resolve().is_relative_to(folder)
