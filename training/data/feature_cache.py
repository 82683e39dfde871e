"""Frozen-tower features of pictures, plain and augmented, computed once and kept on disk.

A row's key is the sha256 of the picture's bytes, of the tower, of the preprocessing and, for an augmented view, of the
augmentation's settings, with the decoder's version where it changed the picture's pixels and the engine where it is not
the reference: a changed picture, decoder, tower, engine or config is never served from the cache. Each row is a file
that is whole or not there (``model.atomic``); one that the disk damaged is computed anew.

Hashing a picture and reading its row cost about 1.5 ms of CPU with ViT-B/16 patches: 5,000 pictures are there in
seconds, so nothing is packed into larger files.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from model.atomic import file_digest, write_atomically
from model.bundle import ImageTowerSpec
from model.engine import EngineName
from model.errors import MemeError
from model.meme import Meme
from model.picture.door import decoder_key
from model.preprocess import Preprocessor
from model.runtime import ImageFeatures, ImageTower
from training.data.image_augment import AugmentConfig, Augmenter
from training.datasets.base import DatasetError

#: Pictures that a batch-invariant tower reads at once: a quarter faster than one at a time on a CPU. Always this many,
#: filled up with blanks: kernels are chosen by the size of the batch and differ in the last bit, and a run that was
#: killed and resumed must find the very features of an unbroken one.
_BATCH = 8
#: What reading a damaged .npz raises.
_DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)

#: Rows of int8 towers from before their integers were exact on every processor are not read again.
_INTEGERS = "exact integers"

#: A picture's embedding float32 [Di] and its patches float16 [P, Dp].
Row = tuple[NDArray[np.float32], NDArray[np.float16]]


@dataclass(frozen=True)
class FrozenTower:
    """An image tower, the preprocessing in front of it, and the folder where its outputs are kept.

    View 0 of a picture is the picture. With ``augment`` there are ``n_views`` more, numbered from 1: the same ones in
    every run and process. Raises ``ValueError`` for views without an augmentation.
    """

    path: Path
    spec: ImageTowerSpec
    preprocessor: Preprocessor
    cache: Path
    threads: int | None = None
    augment: AugmentConfig | None = None
    n_views: int = 0
    engine: EngineName = "onnxruntime"

    def __post_init__(self) -> None:
        if self.n_views < 0 or (self.n_views > 0 and self.augment is None):
            raise ValueError(f"n_views is {self.n_views}: it must be 0 without an augmentation, and never less")

    def features(self, pictures: Sequence[Path], view: int = 0) -> ImageFeatures:
        """Features of picture files in one view: embeds float32 [N, Di], patches float16 [N, P, Dp].

        Patches are kept in half precision, which halves a cache that is dominated by them. Raises ``DatasetError``
        naming the first file that is no picture, ``ValueError`` for a view that there is not.
        """
        folder = self._folder(view)
        digests = [_digest(path) for path in pictures]
        rows: dict[str, list[int]] = {}
        for index, digest in enumerate(digests):
            rows.setdefault(digest, []).append(index)
        table = _Table(len(digests), self.spec)
        missing: dict[str, Path] = {}
        for digest, places in rows.items():
            stored = self._read(folder / _name(digest, view))
            if stored is None:
                missing[digest] = pictures[places[0]]
            else:
                table.put(places, stored)
        for digest, row in self._compute(folder, missing, view):
            table.put(rows[digest], row)
        return table.features()

    def fill(self, pictures: Sequence[Path], view: int = 0) -> None:
        """Compute the features that are not on disk yet, and return none: of any number of pictures, in one go."""
        folder = self._folder(view)
        digests = {_digest(path): path for path in pictures}
        missing = {d: path for d, path in digests.items() if not (folder / _name(d, view)).is_file()}
        for _ in self._compute(folder, missing, view):
            pass

    def _folder(self, view: int) -> Path:
        if not 0 <= view <= self.n_views:
            raise ValueError(f"there is no view {view}: this tower has the plain pictures (0) and {self.n_views} views")
        return self.cache / self._key(view)

    def _key(self, view: int = 0) -> str:
        parts = self._plain_key if self.augment is None or view == 0 else (*self._plain_key, self.augment.digest())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @cached_property
    def _plain_key(self) -> tuple[str, ...]:
        outputs = f"{self.spec.embeds_output} {self.spec.patches_output}"
        key = file_digest(self.path), outputs, self.preprocessor.pixel_fingerprint()
        # What there was before is under its old key: rows in float32, and those of the reference engine.
        integers = () if self.spec.precision == "fp32" else (_INTEGERS,)
        return (*key, *integers, *(() if self.engine == "onnxruntime" else (self.engine,)))

    @cached_property
    def _augmenter(self) -> Augmenter | None:
        return None if self.augment is None else Augmenter(self.augment)

    def _read(self, file: Path) -> Row | None:
        """A row from disk; None where it is not there, or damaged."""
        try:
            # np.load leaves a file open that it opened itself and found damaged.
            with file.open("rb") as content, np.load(content) as stored:
                embeds, patches = stored["embeds"], stored["patches"]
        except _DAMAGED:
            return None
        fits = embeds.shape == (self.spec.embed_width,) and patches.shape[1:] == (self.spec.patch_width,)
        return (embeds, patches) if fits else None

    def _compute(self, folder: Path, missing: Mapping[str, Path], view: int) -> Iterator[tuple[str, Row]]:
        """Features of the pictures ``missing`` (digest -> path), each written before it is given out."""
        if not missing:
            return
        tower = ImageTower(self.path, self.spec, engine=self.engine, threads=self.threads)
        size = _BATCH if self.spec.batch_invariant else 1
        digests = list(missing)
        label = f"image features, view {view}" if view else "image features"
        with tqdm(total=len(digests), desc=label, unit="picture", disable=None) as bar:
            for at in range(0, len(digests), size):
                chunk = digests[at : at + size]
                pixels = [self._pixels(digest, missing[digest], view) for digest in chunk]
                pixels += [np.zeros_like(pixels[0])] * (size - len(chunk))
                encoded = tower.encode(np.stack(pixels))
                for index, digest in enumerate(chunk):
                    row = (encoded.embeds[index], encoded.patches[index].astype(np.float16))
                    write_atomically(folder / _name(digest, view), _packed(row))
                    yield digest, row
                bar.update(len(chunk))

    def _pixels(self, digest: str, path: Path, view: int) -> NDArray[np.float32]:
        picture = _open(path, digest)
        if self._augmenter is not None and view > 0:
            picture = self._augmenter(picture, _view_rng(digest, self._augmenter.config, view))
        return self.preprocessor.pixels(picture)


class _Table:
    """Rows gathered into two arrays, which exist once: the patches of 5,000 pictures are 1.5 GB."""

    def __init__(self, n_rows: int, spec: ImageTowerSpec) -> None:
        self._embeds = np.empty((n_rows, spec.embed_width), dtype=np.float32)
        self._patches: NDArray[Any] = np.empty((n_rows, 0, spec.patch_width), dtype=np.float16)

    def put(self, places: list[int], row: Row) -> None:
        embeds, patches = row
        if self._patches.shape[1] == 0:  # how many patches there are, the first row says
            self._patches = np.empty((len(self._embeds), *patches.shape), dtype=np.float16)
        self._embeds[places], self._patches[places] = embeds, patches

    def features(self) -> ImageFeatures:
        return ImageFeatures(self._embeds, self._patches)


def _name(digest: str, view: int) -> str:
    return f"{digest}.npz" if view == 0 else f"{digest}.{view}.npz"


def _view_rng(digest: str, augment: AugmentConfig, view: int) -> np.random.Generator:
    """A view depends on the picture, the augmentation and its number; not on the run, nor on what came before it."""
    seed = hashlib.sha256(f"{digest}\n{augment.digest()}\n{view}".encode()).digest()
    return np.random.default_rng(int.from_bytes(seed, "big"))


def _packed(row: Row) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, embeds=row[0], patches=row[1])
    return buffer.getvalue()


def _digest(path: Path) -> str:
    return _digest_of(_bytes(path))


def _digest_of(data: bytes) -> str:
    """The digest of a picture's bytes, and the decoder that makes pixels of them."""
    return hashlib.sha256(data).hexdigest() + decoder_key(data)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"picture {path} cannot be read ({error.strerror}): see that it is there") from error


def _open(path: Path, digest: str) -> Image.Image:
    data = _bytes(path)
    if _digest_of(data) != digest:
        raise DatasetError(f"picture {path} changed while it was being read: run the command again")
    try:
        return Meme.from_bytes(data).picture
    except MemeError as error:
        raise DatasetError(
            f"picture {path} cannot be used: {error.message}; take its row out, or mend the file ('memeguard data "
            "check' lists all such pictures)"
        ) from error
