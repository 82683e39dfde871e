"""How far altered memes are from themselves, and how near different ones come: the tables of docs/known_distances.md.

    python -m benchmarks.known --data DIR --out docs/known_distances.md --json known_distances.json

DIR holds ``imgflip/``, ``multioff/`` and ``religious_memes/``; test splits are not read. 10,000 memes: the training
pictures of both sets, and captions that people wrote, drawn on the templates they wrote them for. Of one in 25 of
them every alteration is made. The distances in ``model.known.matching`` are chosen on one half of the pictures
(``dev``); the tables are of the other (``report``).
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.known_alterations import ALTERATIONS, misread
from benchmarks.known_memes import HALVES, Shown, memes
from benchmarks.known_report import report
from model.known.fingerprint import Fingerprint, unframed_hashes
from model.known.matching import Distances, picture_hashes
from model.known.packed_hashes import packed
from model.known.pdq import N_BITS, Pdq, pdq_of
from model.known.words import n_letters, words_distance, words_key

PICTURE_DISTANCES = (16, 20, 24, 28, 31, 36, 40, 44, 48, 54, 60, 70, 80, 90)
WORDS_DISTANCES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
FEWEST_LETTERS = (5, 8, 10, 12, 16)
MISREAD = (0.02, 0.05, 0.1)
CAPTION_CHANGE = "caption change"
#: Pairs with a real picture are not counted as different up to here. The 126 of real pictures and bare templates from
#: 25 bits on were looked at, and seem to be one picture twice, or one template.
SAME_REAL_PICTURE = 48


@dataclass
class Measured:
    """Of one half of the memes, in their order: what their picture is called, hashes, all hashes by which a meme is
    looked for, qualities, and the keys of their words.

    ``altered``: by alteration, the distance of each altered meme from itself; ``N_BITS`` where the quality of one of
    the two is too low. ``misread``: by share of characters, the distance of the words from themselves.
    """

    pictures: list[str] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    ways: list[tuple[bytes, ...]] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    altered: dict[str, list[int]] = field(default_factory=dict)
    misread: dict[str, list[float]] = field(default_factory=dict)

    def add(self, meme: Shown, rng: np.random.Generator) -> None:
        """One more meme."""
        pdq = pdq_of(meme.image)
        self.pictures.append(meme.picture)
        self.hashes.append(pdq.hash)
        self.ways.append(_ways(meme.image, pdq))
        self.qualities.append(pdq.quality)
        self.keys.append(words_key(meme.text))
        if meme.is_altered:
            self._alter(meme, pdq, rng)
            self._misread(meme.text, rng)

    def _alter(self, meme: Shown, pdq: Pdq, rng: np.random.Generator) -> None:
        changed = {name: alteration(meme.image, rng) for name, alteration in ALTERATIONS.items()}
        if meme.recaptioned is not None:
            changed[CAPTION_CHANGE] = meme.recaptioned
        least = Distances().min_quality
        for name, image in changed.items():
            other = pdq_of(image)
            good = min(pdq.quality, other.quality) >= least
            apart = min(_differing(pdq.hash, way) for way in _ways(image, other)) if good else N_BITS
            self.altered.setdefault(name, []).append(apart)

    def _misread(self, text: str, rng: np.random.Generator) -> None:
        key = words_key(text)
        if key is None or n_letters(key) < min(FEWEST_LETTERS):
            return
        for share in MISREAD:
            other = words_key(misread(text, share, rng))
            apart = 1.0 if other is None else words_distance(key, other)
            self.misread.setdefault(f"{share:.0%} of the characters misread", []).append(apart)

    def figures(self) -> dict[str, Any]:
        """Shares at each distance."""
        return {
            "memes": len(self.hashes),
            "pictures": len(set(self.pictures)),
            "low_quality": float(np.mean([quality < Distances().min_quality for quality in self.qualities])),
            "altered": {name: _shares(apart, PICTURE_DISTANCES) for name, apart in self.altered.items()},
            "n_altered": max(map(len, self.altered.values()), default=0),
            "same_real": SAME_REAL_PICTURE,
            "n_recaptioned": len(self.altered.get(CAPTION_CHANGE, [])),
            "pictures_apart": self._apart(),
            "misread": {name: _shares(apart, WORDS_DISTANCES) for name, apart in self.misread.items()},
            "n_misread": max(map(len, self.misread.values()), default=0),
            "words_apart": {str(fewest): self._words_apart(fewest) for fewest in FEWEST_LETTERS},
        }

    def _apart(self) -> dict[str, dict[str, float]]:
        """Of pairs of one template the share that is found, and of memes those that match a different picture."""
        good = np.array(self.qualities) >= Distances().min_quality
        words = packed(self.hashes)[:, good]
        ways = [packed(ways) for ways, is_good in zip(self.ways, good, strict=True) if is_good]
        names = np.unique(np.array(self.pictures)[good], return_inverse=True)[1]
        is_real = np.array(["/" in name for name in self.pictures])[good]
        counts = {distance: np.zeros(4, np.int64) for distance in PICTURE_DISTANCES}
        for row in range(len(names)):
            apart = np.min([_bits(words, way) for way in ways[row].T], axis=0)
            apart[row] = N_BITS
            same = of_template = names == names[row]
            same = of_template | (is_real | is_real[row]) & (apart <= SAME_REAL_PICTURE)
            for distance, count in counts.items():
                near = apart <= distance
                false = near & ~same
                count += [(near & of_template).sum(), of_template.sum() - 1, false.sum(), false.any()]
        return {
            str(distance): {
                "one_template_pairs": count[0] / max(1, count[1]),
                "false_pairs": count[2],
                "false_memes": count[3] / max(1, len(names)),
            }
            for distance, count in ((distance, found.tolist()) for distance, found in counts.items())
        }

    def _words_apart(self, fewest: int) -> dict[str, float]:
        """Of memes with enough letters, the share whose words match those of a meme with other words."""
        keys = sorted({key for key in self.keys if key is not None and n_letters(key) >= fewest})
        sketches = np.array([list(bytes.fromhex(key)[-16:]) for key in keys], np.uint8).reshape(-1, 16)
        words = packed(sketches, 16)
        nearest = []
        for row in range(len(keys)):
            bits = _bits(words, words[:, row])
            bits[row] = N_BITS
            nearest.append(words_distance(keys[row], keys[int(bits.argmin())]) if len(keys) > 1 else 1.0)
        return _shares(nearest, WORDS_DISTANCES[1:])


def _ways(image: Image.Image, pdq: Pdq) -> tuple[bytes, ...]:
    """Every hash by which a meme of ``image`` is looked for."""
    return picture_hashes(Fingerprint("", pdq.hash, pdq.quality, None, pdq.mirrored, unframed_hashes(image)))


def _shares(apart: Sequence[float], distances: Sequence[float]) -> dict[str, float]:
    return {str(distance): sum(one <= distance for one in apart) / max(1, len(apart)) for distance in distances}


def _differing(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def _bits(words: NDArray[np.uint64], value: NDArray[np.uint64]) -> NDArray[np.int64]:
    bits: NDArray[np.int64] = np.bitwise_count(words ^ value[:, None]).sum(axis=0, dtype=np.int64)
    return bits


def measure(shown: Iterable[Shown], seed: int) -> dict[str, Measured]:
    """Measure memes as they come, by half."""
    rng = np.random.default_rng(seed)
    halves = {half: Measured() for half in HALVES}
    for meme in shown:
        halves[meme.half].add(meme, rng)
    return halves


def main() -> None:
    """Measure, and write the page and its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds the memes")
    parser.add_argument("--n", type=int, default=10_000, help="memes")
    parser.add_argument("--alter-every", type=int, default=25, help="alter one in so many")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--json", type=Path, help="the figures")
    options = parser.parse_args()
    halves = measure(memes(options.data, options.n, options.seed, options.alter_every), options.seed)
    figures = {half: measured.figures() for half, measured in halves.items()}
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    page = report(figures)
    if options.out is None:
        print(page)
    else:
        options.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
