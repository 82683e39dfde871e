"""Manifest of an index: what it was made with, and what is in it; written when the index is whole."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from model.atomic import write_atomically
from serving.index.errors import MemeIndexError

MANIFEST = "index.json"
SETTINGS = "settings.json"
#: The run of ``serving/batch`` that scored the memes: its plan, its manifest, its report.
SCORING = "scoring"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IndexSettings(_Strict):
    """What is kept of each meme; one that goes on must ask for the same."""

    format_version: Literal[1] = 1
    words: bool
    thumbnails: bool


class IndexManifest(_Strict):
    """``n_rows``: places in the arrays, one an item of the input; ``n_memes`` of them have a verdict.

    ``shared_space``: whether a description can be held against pictures. Widths are None where there are no features.
    """

    format_version: Literal[1] = 1
    version: str
    settings: IndexSettings
    input: str
    columns: dict[str, str]
    model_name: str
    model_version: str
    model_digest: str
    engine: str
    ocr: str
    tasks: list[str]
    n_rows: int
    n_memes: int
    image_width: int | None
    text_width: int | None
    shared_space: bool


def read_settings(folder: Path) -> IndexSettings | None:
    """Those that an index was begun with; None in a folder without."""
    path = folder / SETTINGS
    if not path.exists():
        return None
    try:
        return IndexSettings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _damaged(path) from error


def write_settings(folder: Path, settings: IndexSettings) -> None:
    """Keep them; the first thing that an index has."""
    write_atomically(folder / SETTINGS, settings.model_dump_json(indent=1).encode())


def read_manifest(folder: Path) -> IndexManifest | None:
    """That of a finished index; None where it is not finished."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        return IndexManifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _damaged(path) from error


def write_manifest(folder: Path, manifest: IndexManifest) -> None:
    """Say that the index is whole."""
    write_atomically(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())


def _damaged(path: Path) -> MemeIndexError:
    return MemeIndexError(f"{path} is damaged or of another version of memeguard: make the index anew")
