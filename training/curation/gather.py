"""A dataset as the check sees it: the usable samples of each split with their fingerprints, and what was left out."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.curation.report import LeftOut, LeftOutKind, Likeness
from training.data.image_hashes import BadPicture, Fingerprint, fingerprint_files
from training.datasets.base import DatasetError, Loaded, Sample
from training.datasets.registry import LAYOUTS, Layout, detect_layout
from training.datasets.split_files import split_of
from training.datasets.text_key import text_key


@dataclass(frozen=True)
class SplitSamples:
    """One split. ``prints`` and ``text_keys`` stand beside ``samples``, in their order. ``loaded``: before checks."""

    name: str
    samples: list[Sample]
    prints: list[Fingerprint | None]
    text_keys: list[str]
    n_rows: int
    left_out: list[LeftOut]
    loaded: Loaded = field(default_factory=lambda: Loaded([]))

    def keys(self, kind: Likeness) -> list[Hashable | None]:
        """What must be equal for two samples to be alike in that way; None is like nothing."""
        if kind == "id":
            return [sample.id for sample in self.samples]
        if kind == "exact_picture":
            return [None if item is None else item.digest for item in self.prints]
        if kind == "same_text":
            return [key or None for key in self.text_keys]
        if kind == "verbatim_text":
            return [
                sample.text.strip() if key else None for sample, key in zip(self.samples, self.text_keys, strict=True)
            ]
        raise ValueError(f"{kind} is no equality of a key")


def find_layout(path: Path, name: str | None) -> Layout:
    """The layout by name or, without one, told from the files; raises ``DatasetError``."""
    if name is None:
        return detect_layout(path)
    if name not in LAYOUTS:
        raise DatasetError(f"unknown layout {name!r}; known layouts: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def find_splits(path: Path, layout: Layout, wanted: Sequence[str]) -> list[str]:
    """The splits that were asked for, by default all; raises ``DatasetError`` naming those that are there."""
    there = layout.splits(path)
    if not there:
        raise DatasetError(f"{path} holds no split of the layout {layout.name}; looked for {layout.looks_for}")
    found = [name if name in there else split_of(name) or name for name in wanted] or list(there)
    absent = [name for name in found if name not in there]
    if absent:
        raise DatasetError(f"{path} (layout {layout.name}) has no split {absent[0]!r}; it has: {', '.join(there)}")
    return list(dict.fromkeys(found))


def gather(path: Path, layout: Layout, splits: Sequence[str], dataset: str) -> list[SplitSamples]:
    """Read splits and fingerprint their pictures. What cannot be read is in ``left_out``, a whole file too.

    Raises ``DatasetError`` when nothing at all could be read.
    """
    parts = [_read(path, layout, split, dataset) for split in splits]
    prints = fingerprint_files(sample.image for part in parts for sample in part.samples if sample.image)
    checked = _without_rows_seen_twice([_checked(part, prints) for part in parts])
    if not any(part.samples for part in checked):
        left_out = [item for part in checked for item in part.left_out]
        first = f"; the first is {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise DatasetError(f"{path} (layout {layout.name}): nothing could be read, {len(left_out)} left out{first}")
    return checked


def _read(path: Path, layout: Layout, split: str, dataset: str) -> SplitSamples:
    try:
        loaded = layout.read(path, split, dataset=dataset)
    except DatasetError as error:
        return SplitSamples(split, [], [], [], 0, [LeftOut(split, "file", f"{path}:{split}", str(error))])
    left_out = [LeftOut(split, skipped.kind, skipped.place, skipped.reason) for skipped in loaded.skipped]
    return SplitSamples(split, loaded.samples, [], [], len(loaded.samples) + len(left_out), left_out, loaded)


def _checked(part: SplitSamples, prints: dict[Path, Fingerprint | BadPicture]) -> SplitSamples:
    """The part with fingerprints, without the samples whose picture is bad."""
    samples: list[Sample] = []
    good: list[Fingerprint | None] = []
    left_out = list(part.left_out)
    for sample in part.samples:
        found = prints[sample.image] if sample.image else None
        if isinstance(found, BadPicture):
            left_out.append(_bad_picture(part.name, sample, found))
        else:
            samples.append(sample)
            good.append(found)
    keys = [text_key(sample.text) for sample in samples]
    return replace(part, samples=samples, prints=good, text_keys=keys, left_out=left_out)


def _bad_picture(split: str, sample: Sample, found: BadPicture) -> LeftOut:
    kind: LeftOutKind = "missing_picture" if found.code == "missing" else "unreadable_picture"
    return LeftOut(split, kind, f"{split}/{sample.id}", f"{found.code}: {found.reason}")


def _without_rows_seen_twice(parts: list[SplitSamples]) -> list[SplitSamples]:
    """A damaged row of a table with a column of splits belongs to none of them; it is counted once."""
    seen: set[tuple[str, str]] = set()
    kept: list[SplitSamples] = []
    for part in parts:
        fresh = [item for item in part.left_out if (item.place, item.reason) not in seen]
        seen |= {(item.place, item.reason) for item in part.left_out if item.kind == "row"}
        kept.append(replace(part, left_out=fresh, n_rows=part.n_rows - len(part.left_out) + len(fresh)))
    return kept
