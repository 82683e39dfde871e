"""Pictures: finding the one that a row names, and telling which cannot be decoded.

Readers check that a picture is there; decoding thousands of them takes minutes, so it is asked for by name.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from model.errors import MemeError
from model.meme import Meme
from training.datasets.base import Loaded, Sample, Skipped

#: Tried, in this order, when a file names its pictures without one.
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")


class PictureFinder:
    """Looks for pictures in some folders, in the order given. Lists each folder at most once."""

    def __init__(self, *folders: Path) -> None:
        self._folders = tuple(dict.fromkeys(folders))
        self._names: dict[Path, dict[str, Path]] = {}

    def find(self, name: str) -> Path | None:
        """The picture of that name; where there is none, the one with a suffix added or written in another case."""
        name = name.strip().replace("\\", "/")
        if not name:
            return None
        has_suffix = Path(name).suffix.lower() in PICTURE_SUFFIXES
        names = [name] if has_suffix else [name + suffix for suffix in PICTURE_SUFFIXES] + [name]
        exact = (folder / candidate for folder in self._folders for candidate in names)
        found = next((path for path in exact if _is_file(path)), None)
        return found or next(
            filter(None, (self._in_any_case(folder, n) for folder in self._folders for n in names)), None
        )

    def _in_any_case(self, folder: Path, name: str) -> Path | None:
        """File systems differ: what was Meme.JPG on one machine is named meme.jpg in the table."""
        path = folder / name
        if path.parent not in self._names:
            self._names[path.parent] = {entry.name.casefold(): entry for entry in _entries(path.parent)}
        match = self._names[path.parent].get(path.name.casefold())
        return match if match is not None and _is_file(match) else None


def unreadable_pictures(samples: Iterable[Sample]) -> list[Skipped]:
    """The pictures, each once, that ``Meme.from_file`` refuses, with its reason: truncated, no picture, too large."""
    paths = list(dict.fromkeys(sample.image for sample in samples if sample.image is not None))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        reasons = pool.map(_refusal, paths)
        return [Skipped(str(path), reason) for path, reason in zip(paths, reasons, strict=True) if reason is not None]


def readable(loaded: Loaded) -> Loaded:
    """Without the samples whose picture cannot be decoded; each such picture joins ``skipped``."""
    refused = unreadable_pictures(loaded.samples)
    places = {skipped.place for skipped in refused}
    kept = [sample for sample in loaded.samples if sample.image is None or str(sample.image) not in places]
    return Loaded(kept, loaded.skipped + refused)


def _refusal(path: Path) -> str | None:
    try:
        Meme.from_file(path)
    except MemeError as error:
        return f"{error.code}: {error.message}"
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be entered
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
