"""Pictures: finding the one that a row names, and telling which cannot be decoded.

Readers check that a picture is there; decoding thousands of them takes minutes, so it is asked for by name.
"""

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from model.errors import MemeError
from model.files.picture_finder import IN_ANOTHER_FOLDER, WITH_A_SUFFIX, Found, PictureFinder, Several
from model.meme import Meme
from training.datasets.base import Loaded, Respelled, Sample, Skipped
from training.datasets.shown import shown

#: What ``data_cards/generic.md`` says of every name: it may lie in several folders, and have no suffix.
_AS_DOCUMENTED = {IN_ANOTHER_FOLDER, WITH_A_SUFFIX}


class RowPictures:
    """The pictures that the rows of a table name, and a count of those that took more than their name to be found."""

    def __init__(self, *folders: Path) -> None:
        self._finder = PictureFinder(*folders)
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where they are looked for."""
        return self._finder.folders

    @property
    def respelled(self) -> tuple[Respelled, ...]:
        """The rows so far whose picture is called otherwise."""
        return tuple(Respelled(by, n, self._examples[by]) for by, n in self._counts.most_common())

    def of_row(self, name: str) -> Found | Several | None:
        """The picture of a row, which is counted."""
        found = self._finder.find(name)
        if isinstance(found, Found) and (by := ", ".join(part for part in found.by if part not in _AS_DOCUMENTED)):
            self._counts[by] += 1
            self._examples.setdefault(by, f"{shown(name)} is {shown(found.path.name)}")
        return found

    def are_named_by(self, names: Iterable[str]) -> bool:
        """Whether names, such as ids, are those of pictures: one of them as it is or, but for zeros and such, most."""
        n_names = n_alike = 0
        for name in filter(None, names):
            found = self._finder.find(name)
            if isinstance(found, Found) and _AS_DOCUMENTED.issuperset(found.by):
                return True
            n_names += 1
            n_alike += isinstance(found, Found)
        return 0 < n_names <= 2 * n_alike


def unreadable_pictures(samples: Iterable[Sample]) -> list[Skipped]:
    """The pictures, each once, that ``Meme.from_file`` refuses, with its reason: truncated, no picture, too large."""
    paths = list(dict.fromkeys(sample.image for sample in samples if sample.image is not None))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        reasons = pool.map(_refusal, paths)
        return [Skipped(str(path), reason) for path, reason in zip(paths, reasons, strict=True) if reason is not None]


def readable(loaded: Loaded) -> Loaded:
    """Without the samples whose picture cannot be decoded; each such picture joins ``skipped``."""
    refused = unreadable_pictures(loaded.samples)
    paths = {skipped.place for skipped in refused}
    kept = [sample for sample in loaded.samples if sample.image is None or str(sample.image) not in paths]
    return replace(loaded, samples=kept, skipped=loaded.skipped + refused)


def _refusal(path: Path) -> str | None:
    try:
        Meme.from_file(path)
    except MemeError as error:
        return f"{error.code}: {error.message}"
    return None
