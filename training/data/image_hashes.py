"""Fingerprints of picture files: the digest of the bytes, and two perceptual hashes of what is seen.

The perceptual hashes (imagehash's pHash and dHash, 64 bits each) survive another size, quality or file format. A
picture without contrast has no hash: all blank pictures would be near-duplicates of each other.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image
from tqdm import tqdm

from model.errors import MemeError
from model.meme import Meme

# Standard deviation of the grey levels (0 to 255) of a thumbnail, below which a hash would describe noise.
_MIN_CONTRAST = 2.0
_THUMBNAIL_PX = 32


@dataclass(frozen=True)
class Fingerprint:
    """``digest`` is the sha256 of the file's bytes; ``hashes`` are (pHash, dHash), None for a blank picture.

    ``damage`` says what is wrong with a file whose picture can be seen, None where nothing is.
    """

    digest: str
    hashes: tuple[int, int] | None
    damage: str | None = None


@dataclass(frozen=True)
class BadPicture:
    """A picture file that nothing can be made of. ``code`` is "missing" or a code of ``MemeError``."""

    code: str
    reason: str


def fingerprint(path: Path) -> Fingerprint | BadPicture:
    """Fingerprint one picture file; a bad file is an answer, never an exception."""
    try:
        meme = Meme.from_file(path)
    except MemeError as error:
        if not path.exists():
            return BadPicture("missing", "no such file")
        return BadPicture(error.code, error.message)
    return Fingerprint(meme.digest, _hashes(meme.picture), meme.damage)


def fingerprint_files(paths: Iterable[Path], *, workers: int | None = None) -> dict[Path, Fingerprint | BadPicture]:
    """Fingerprint every file once, on as many threads as there are cores (decoding lets go of the interpreter)."""
    distinct = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(max_workers=workers or n_cores()) as pool:
        answers = pool.map(fingerprint, distinct)
        shown = tqdm(answers, total=len(distinct), desc="pictures", unit="picture", disable=None)
        return dict(zip(distinct, shown, strict=True))


def n_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _hashes(image: Image.Image) -> tuple[int, int] | None:
    grey = image.convert("L")
    thumbnail = np.asarray(grey.resize((_THUMBNAIL_PX, _THUMBNAIL_PX), Image.Resampling.BOX))
    if float(thumbnail.std()) < _MIN_CONTRAST:
        return None
    return _number(imagehash.phash(grey)), _number(imagehash.dhash(grey))


def _number(value: imagehash.ImageHash) -> int:
    return int(str(value), 16)
