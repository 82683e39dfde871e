"""Write what ``pdqhash`` says of 500 pictures: tests/unit/model/known/pdq_hashes.json, which a test holds ours against.

    pip install pdqhash==0.2.8  # elsewhere than in the project's environment: it needs a C++ compiler
    PYTHONPATH=tests python scripts/write_pdq_hashes.py

A line for each picture of ``support.pdq_pictures``: the first 8 digits of the sha256 of its RGB pixels (which tell a
picture that was drawn otherwise from a hash that was computed otherwise), its quality, its hash and the mirrored one.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pdqhash
from PIL import Image
from support.pdq_pictures import pdq_pictures

_OUT = Path(__file__).parents[1] / "tests/unit/model/known/pdq_hashes.json"
_FLIP_Y = 5  # of compute_dihedral's eight: left and right change places
_UNBLURRED = (64, 64)  # in compute, but not in compute_dihedral


def line_of(image: Image.Image) -> tuple[str, int, str, str]:
    """Digest of the pixels, quality, hash, mirrored hash."""
    pixels = np.asarray(image.convert("RGB"))
    bits, quality = pdqhash.compute(pixels)
    dihedral = pdqhash.compute_dihedral(pixels)[0][_FLIP_Y]
    mirrored = _mirrored(pdqhash.compute_float(pixels)[0]) if image.size == _UNBLURRED else dihedral
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:8], quality, _hex(bits), _hex(mirrored)


def _mirrored(frequencies: np.ndarray) -> np.ndarray:
    """Bits of the mirrored picture: cosines of odd order change their sign. The last frequency comes first."""
    turned = frequencies * np.tile([1, -1], 128)
    bits: np.ndarray = turned > np.sort(turned)[127]
    return bits


def _hex(bits: np.ndarray) -> str:
    return np.packbits(bits.astype(np.uint8)).tobytes().hex()


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(line_of(image), separators=(",", ":")) for image in pdq_pictures())
    _OUT.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
