"""How long a search and a map take, and what they hold in memory: ``python -m benchmarks.index_scale --memes 100000``.

The index is made of random features around centres, with hashes of which some are near others, and words by centre; no
picture is judged. Search and map are commands in processes of their own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import COMPACT_BUNDLE, open_bundle
from serving.index.arrays import HAS_IMAGE, HAS_MEME, HAS_PDQ, HAS_TEXT, create_arrays
from serving.index.database import IndexDatabase
from serving.index.manifest import IndexManifest, IndexSettings, write_manifest, write_settings
from serving.index.ranking import nearest
from serving.index.reader import opened_index
from serving.index.vectors import blocks

_SHARD = 4096
_IMAGE_WIDTH, _TEXT_WIDTH = 512, 384
_NEAR_SHARE = 0.2
_SPREAD = 0.9
_VOCABULARY = 5000
_TIMES = 5


def make_synthetic_index(folder: Path, n_memes: int, n_centres: int, seed: int = 0) -> None:
    """An index of ``n_memes`` around ``n_centres``; a fifth are near-duplicates of the meme before."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    settings = IndexSettings(words=True, thumbnails=False)
    write_settings(folder, settings)
    arrays = create_arrays(folder, n_memes, _IMAGE_WIDTH, _TEXT_WIDTH)
    centres = [rng.normal(size=(n_centres, width)) for width in (_IMAGE_WIDTH, _TEXT_WIDTH)]
    with closing(IndexDatabase(folder, create=True)) as database:
        for number, block in enumerate(blocks(n_memes, _SHARD)):
            n = block.stop - block.start
            of = rng.integers(0, n_centres, n)
            for array, centre in zip((arrays.image, arrays.text), centres, strict=True):
                if array is not None:
                    array[block] = _unit(centre[of] + _SPREAD * rng.normal(size=(n, centre.shape[1])))
            arrays.pdq[block] = _hashes(rng, n)
            arrays.flags[block] = HAS_MEME | HAS_IMAGE | HAS_TEXT | HAS_PDQ
            database.add_shard(number, list(_rows(rng, block.start, of)))
    arrays.flush()
    write_manifest(folder, _manifest(settings, n_memes))


def _unit(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f2")
    return found


def _hashes(rng: np.random.Generator, n: int) -> np.ndarray[Any, Any]:
    hashes = rng.integers(0, 256, (n, 32), dtype=np.uint8)
    near = 1 + np.flatnonzero(rng.random(n - 1) < _NEAR_SHARE)
    hashes[near] = hashes[near - 1]
    hashes[near, rng.integers(0, 32, len(near))] ^= 1
    return hashes


def _rows(rng: np.random.Generator, start: int, centres: np.ndarray[Any, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, centre in enumerate(centres.tolist(), start=start):
        words = [f"word{int(one)}x" for one in rng.integers(0, _VOCABULARY, 8)] + [f"theme{_letters(centre)}"] * 2
        yield (
            place,
            {
                **{"id": f"m{place}", "error": None, "address": None, "sha256": f"{place:064x}", "pdq_quality": 100},
                **{"words_key": None, "text": {"content": " ".join(words)}, "decision": "allow", "thumbnail": None},
                **{"judged_as": "both", "scores": {"hateful": float(rng.random())}},
            },
        )


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _manifest(settings: IndexSettings, n_memes: int) -> IndexManifest:
    bundle = open_bundle(COMPACT_BUNDLE)
    return IndexManifest(
        version="synthetic",
        settings=settings,
        input="synthetic",
        columns={},
        model_name=bundle.manifest.name,
        model_version=bundle.manifest.version,
        model_digest=bundle.digest,
        engine="none",
        ocr="none",
        tasks=["hateful"],
        n_rows=n_memes,
        n_memes=n_memes,
        image_width=_IMAGE_WIDTH,
        text_width=_TEXT_WIDTH,
        shared_space=False,
    )


def _timed(*arguments: object) -> tuple[float, float]:
    """Seconds and the most MiB that ``memeguard`` held."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "serving.cli", *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"memeguard {arguments[0]} ended with {status}")
    return time.perf_counter() - started, used.ru_maxrss / 1024


def _scan_ms(folder: Path) -> float:
    """The best of some scans of all pictures."""
    query = np.ones(_IMAGE_WIDTH, dtype=np.float32) / np.float32(np.sqrt(_IMAGE_WIDTH))
    with opened_index(folder) as index:
        if index.arrays.image is None:
            raise SystemExit("no features")
        rows, found = np.arange(index.manifest.n_rows), []
        for _ in range(_TIMES):
            started = time.perf_counter()
            nearest(index.arrays.image, query, rows, 20)
            found.append(1000 * (time.perf_counter() - started))
    return min(found)


def main() -> None:
    """Make an index in a folder of its own, and print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memes", type=int, default=100_000)
    parser.add_argument("--centres", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="folder for the index and the map; default: a temporary one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        started = time.perf_counter()
        make_synthetic_index(folder / "index", chosen.memes, chosen.centres)
        print(f"index of {chosen.memes:,} synthetic memes written in {time.perf_counter() - started:.1f} s", flush=True)
        print(f"scan of all pictures: {_scan_ms(folder / 'index'):.0f} ms", flush=True)
        for name, arguments in {
            "search": ("search", folder / "index", "--like", "m7"),
            "cluster": ("cluster", folder / "index", "--out", folder / "map"),
        }.items():
            seconds, mib = _timed(*arguments)
            print(f"memeguard {name}: {seconds:.1f} s, at most {mib:,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
