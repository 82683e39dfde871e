"""A finished index, open to be read."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.bundle import Bundle
from serving.index.arrays import Arrays, open_arrays
from serving.index.database import IndexDatabase
from serving.index.errors import MemeIndexError
from serving.index.manifest import IndexManifest, read_manifest, read_settings

_DIGEST_CHARS = 12


@dataclass(frozen=True)
class MemeIndex:
    """Its manifest, its arrays (memory-mapped) and its database."""

    folder: Path
    manifest: IndexManifest
    arrays: Arrays
    database: IndexDatabase

    def check_bundle(self, bundle: Bundle) -> None:
        """Raise ``MemeIndexError`` for another bundle than the index is of: its features mean something else."""
        made = self.manifest
        if bundle.digest != made.model_digest:
            raise MemeIndexError(
                f"{self.folder} is an index of {made.model_name} {made.model_version} "
                f"({made.model_digest[:_DIGEST_CHARS]}), not of {bundle.manifest.name} {bundle.manifest.version} "
                f"({bundle.digest[:_DIGEST_CHARS]}): give that bundle with --bundle, or make the index anew"
            )


@contextmanager
def opened_index(folder: Path) -> Iterator[MemeIndex]:
    """The index in ``folder``; raises ``MemeIndexError`` where there is none, or none that is whole."""
    manifest = read_manifest(folder)
    if manifest is None:
        begun = read_settings(folder) is not None
        raise MemeIndexError(
            f"{folder} is not finished: the command that began it goes on"
            if begun
            else f"{folder} is no index: `memeguard index INPUT --out {folder}` makes one"
        )
    arrays = open_arrays(folder, manifest.n_rows, manifest.image_width, manifest.text_width)
    with closing(IndexDatabase(folder)) as database:
        yield MemeIndex(folder, manifest, arrays, database)
