"""Frozen-tower features of pictures, computed once and kept on disk.

A row's key is the sha256 of the picture's bytes, of the tower and of the preprocessing, so a changed picture, tower or
config is never served from the cache. Each picture is one file, written under a temporary name and renamed: a killed
writer leaves nothing half done.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.bundle import ImageTowerSpec, file_digest
from model.meme import Meme
from model.preprocess import Preprocessor
from model.runtime import ImageFeatures, ImageTower


@dataclass(frozen=True)
class FrozenTower:
    """An image tower, the preprocessing in front of it, and the folder where its outputs are kept."""

    path: Path
    spec: ImageTowerSpec
    preprocessor: Preprocessor
    cache: Path
    threads: int | None = None

    def features(self, pictures: Sequence[Path]) -> ImageFeatures:
        """Features of picture files: embeds float32 [N, Di], patches float16 [N, P, Dp].

        Patches are kept in half precision, which halves a cache that is dominated by them.
        """
        folder = self.cache / self._key()
        folder.mkdir(parents=True, exist_ok=True)
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures]
        missing = {
            digest: path
            for digest, path in zip(digests, pictures, strict=True)
            if not (folder / f"{digest}.npz").is_file()
        }
        if missing:
            self._compute(folder, missing)
        embeds = np.empty((len(digests), self.spec.embed_width), dtype=np.float32)
        patches: list[NDArray[np.float16]] = []
        for row, digest in enumerate(digests):
            with np.load(folder / f"{digest}.npz") as stored:
                embeds[row] = stored["embeds"]
                patches.append(stored["patches"])
        return ImageFeatures(embeds, np.stack(patches))

    def _key(self) -> str:
        outputs = f"{self.spec.embeds_output} {self.spec.patches_output}"
        parts = (file_digest(self.path), outputs, self.preprocessor.pixel_fingerprint())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _compute(self, folder: Path, missing: dict[str, Path]) -> None:
        tower = ImageTower(self.path, self.spec, threads=self.threads)
        for digest, path in tqdm(missing.items(), desc="image features", unit="picture"):
            pixels = self.preprocessor.pixels(Meme.from_file(path).image)
            features = tower.encode(pixels[None])
            # The process in its name: two runs that fill one cache may meet at a picture.
            temporary = folder / f"{digest}.{os.getpid()}.tmp"
            with temporary.open("wb") as file:
                np.savez(file, embeds=features.embeds[0], patches=features.patches[0].astype(np.float16))
            temporary.replace(folder / f"{digest}.npz")
