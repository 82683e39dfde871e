"""``confound_dataset``: a set on disk to its mismatched twin on disk, in the layout that training reads."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from training.curation.write_splits import write_splits
from training.data.feature_cache import FrozenTower
from training.data.group_splits import SplitConfig
from training.datasets import DatasetError, Sample
from training.repurposing.guards import Leak, check_counts, check_leaks, find_leaks
from training.repurposing.pool import read_pool
from training.repurposing.twins import TASK, Swap, make_twins

#: Pictures whose features are read at once: their patches, which are not kept, are the most of them.
_CHUNK = 64


@dataclass(frozen=True)
class Choices:
    """How a twin is made: the swap and its seed, how memes are split that are not, and which of them are taken."""

    swap: Swap
    split: SplitConfig
    layout: str | None = None
    limit: int | None = None
    split_anew: bool = False

    @property
    def seed(self) -> int:
        """Of the swap, as of the split."""
        return self.split.seed


@dataclass(frozen=True)
class Confounded:
    """What was made: samples by split, what was left out and why, and what one modality tells.

    ``cosine``: mean cosine, by the tower, of a picture and the one that took its place. ``is_split_anew``: the splits
    are not the set's own.
    """

    out: Path
    n_by_split: dict[str, int]
    left_out: dict[str, int]
    cosine: float | None
    leaks: list[Leak]
    is_split_anew: bool


def confound_dataset(path: Path, out: Path, bundle: Bundle, choices: Choices, cache: Path) -> Confounded:
    """Make the twin of the set at ``path`` with the image tower of ``bundle``, hold it to its guards, and write it.

    Features of pictures are kept below ``cache``. Raises ``DatasetError`` where memes are too few or too alike, and
    ``LeakError``, with nothing written, where one modality alone tells the answer.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out} is not empty; name a new folder with --out, or remove it")
    pool = read_pool(path, choices.split, layout=choices.layout, limit=choices.limit, split_anew=choices.split_anew)
    features = picture_features(pool.samples, bundle, cache)
    twins = make_twins(pool, choices.swap, features, choices.seed)
    if not twins.samples:
        raise DatasetError(f"{path}: no name was found in any words, so none can be exchanged; use another swap")
    check_counts(twins, choices.swap)
    by_picture = dict(zip((sample.image for sample in pool.samples), features, strict=True))
    leaks = find_leaks(
        twins, choices.swap, np.array([by_picture[sample.image] for sample in twins.samples]), choices.seed
    )
    check_leaks(leaks)
    left_out = dict(pool.left_out)
    if choices.swap == "words":
        left_out["no name that can be exchanged"] = len(pool.samples) - len(twins.samples) // 2
    made = Confounded(out, dict(Counter(twins.splits)), left_out, twins.cosine, leaks, pool.is_split_anew)
    write_splits(out, twins.samples, twins.splits, _about(path, bundle, choices, made))
    return made


def picture_features(samples: list[Sample], bundle: Bundle, cache: Path) -> NDArray[np.float32]:
    """The pooled features [N, D] that the bundle's image tower has of the samples' pictures."""
    spec = bundle.manifest.image_tower
    tower = FrozenTower(bundle.file(spec.file), spec, bundle.preprocessor, cache / "features")
    pictures = list(dict.fromkeys(sample.image for sample in samples if sample.image is not None))
    found: dict[Path, NDArray[np.float32]] = {}
    for start in range(0, len(pictures), _CHUNK):
        chunk = pictures[start : start + _CHUNK]
        found |= dict(zip(chunk, tower.features(chunk).embeds, strict=True))
    return np.array([found[sample.image] for sample in samples if sample.image is not None])


def _about(path: Path, bundle: Bundle, choices: Choices, made: Confounded) -> dict[str, Any]:
    return {
        "source": str(path.resolve()),
        "task": TASK,
        "swap": choices.swap,
        "config": choices.split.model_dump(),
        "limit": choices.limit,
        "image_tower": {"bundle": bundle.manifest.name, "version": bundle.manifest.version, "digest": bundle.digest},
        "split_anew": made.is_split_anew,
        "n_by_split": made.n_by_split,
        "left_out": made.left_out,
        "mean_cosine_of_swapped_pictures": made.cosine,
        "one_modality_alone": [asdict(leak) for leak in made.leaks],
    }
