"""Notes of a run on the pictures of its sources: named otherwise than their files, twice, not at all, or not there."""

from collections import Counter
from collections.abc import Iterator

from training.datasets.base import Loaded, named_twice
from training.datasets.layouts import LAYOUTS, detect_layout, read_with_map
from training.datasets.registry import Source
from training.datasets.unnamed_pictures import unnamed_pictures


def picture_notes(source: Source, loaded: Loaded, *, look_through: bool) -> Iterator[str]:
    """What a person should know of the pictures of a source. ``look_through``: its folder too."""
    yield from (f"{source}: {respelled}" for respelled in loaded.respelled)
    if n_twice := named_twice(loaded.samples):
        yield f"{source}: {n_twice} picture(s) are named by more than one row"
    kinds = Counter(skipped.kind for skipped in loaded.skipped)
    if kinds["missing_picture"]:
        yield f"{source}: {kinds['missing_picture']} row(s) have no picture on disk"
    if kinds["ambiguous_picture"]:
        yield f"{source}: {kinds['ambiguous_picture']} row(s) name a picture that several files may be"
    if look_through:
        yield from _of_folder(source)


def _of_folder(source: Source) -> Iterator[str]:
    """Pictures there that no row of any split names."""
    layout = LAYOUTS[source.layout_name] if source.layout_name else detect_layout(source.path)
    if layout.has_pictures:
        found = unnamed_pictures(
            source.path,
            layout.splits(source.path),
            lambda split: read_with_map(layout, source.path, split, source.dataset or layout.name, source.label_map),
            {},
        )
        yield from map(str, found)
