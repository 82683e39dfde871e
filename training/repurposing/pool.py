"""Memes that a mismatched twin can be made of: with picture and words, each wording once, no picture in two splits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.meme import has_words
from training.curation.gather import find_layout, find_splits, gather
from training.data.group_splits import SplitConfig, group_samples, split_groups
from training.data.image_hashes import Fingerprint, fingerprint_files
from training.datasets import DatasetError, Sample
from training.datasets.base import existing
from training.datasets.readers.imgflip import read_imgflip, template_path
from training.datasets.split_files import in_order
from training.datasets.text_key import text_key

#: Captions of templates: the set has its pictures apart, and its layout reads the words alone.
_IMGFLIP = "imgflip"


@dataclass(frozen=True)
class Pool:
    """Memes to be paired. Row i of ``groups`` int64 [N] and ``splits`` [N] is of ``samples[i]``.

    Memes of one group share their picture, or have near-duplicate pictures. ``left_out`` counts memes by reason.
    ``is_split_anew``: the splits are not the set's own.
    """

    samples: list[Sample]
    groups: NDArray[np.int64]
    splits: list[str]
    left_out: dict[str, int]
    is_split_anew: bool

    def of_split(self, split: str) -> NDArray[np.int64]:
        """The rows of one split."""
        return np.flatnonzero(np.array(self.splits) == split)


def read_pool(
    path: Path, config: SplitConfig, *, layout: str | None = None, limit: int | None = None, split_anew: bool = False
) -> Pool:
    """The memes at ``path`` in their own splits or, where it has one split or ``split_anew``, in those of ``config``.

    ``limit``: that many memes, spread evenly. Raises ``DatasetError`` when no meme has a picture and words.
    """
    samples, prints, left_out = _read(path, layout)
    kept = _with_words_once(samples, left_out)
    if not kept:
        raise DatasetError(f"{path}: no meme has both a picture that can be read and words; nothing can be mismatched")
    if limit is not None and len(kept) > limit:
        kept = [kept[place * len(kept) // limit] for place in range(limit)]
    groups = group_samples(kept, prints, config.max_distance)
    if split_anew or len({sample.split for sample in kept}) < 2:
        return Pool(kept, groups, split_groups(kept, groups, config), left_out, is_split_anew=True)
    return _own_splits(kept, groups, left_out)


def _read(path: Path, layout: str | None) -> tuple[list[Sample], dict[Path, Fingerprint], dict[str, int]]:
    found = find_layout(existing(path), layout)
    if found.name == _IMGFLIP:
        samples = _captions(path)
        pictures = fingerprint_files(sample.image for sample in samples if sample.image)
        prints = {picture: one for picture, one in pictures.items() if isinstance(one, Fingerprint)}
        readable = [sample for sample in samples if sample.image in prints]
        return readable, prints, {"no picture that can be read": len(samples) - len(readable)}
    parts = gather(path, found, find_splits(path, found, ()), found.dataset_name(path))
    samples = [sample for part in parts for sample in part.samples]
    both = [(sample.image, one) for part in parts for sample, one in zip(part.samples, part.prints, strict=True)]
    prints = {image: one for image, one in both if image is not None and one is not None}
    return samples, prints, {"row or picture that cannot be read": sum(len(part.left_out) for part in parts)}


def _captions(root: Path) -> list[Sample]:
    return [
        Sample(caption.id, _IMGFLIP, "all", " ".join(caption.boxes), {}, image=template_path(root, caption.template))
        for caption in read_imgflip(root)
    ]


def _with_words_once(samples: Sequence[Sample], left_out: dict[str, int]) -> list[Sample]:
    """Memes with a picture and words; of equal words the first, for a swap could make a true pair of the others."""
    seen: set[str] = set()
    kept = []
    for sample in samples:
        key = text_key(sample.text)
        reason = _why_not(sample, key, seen)
        if reason is None:
            seen.add(key)
            # What a set knows of its memes beside picture and words could give a twin away.
            kept.append(replace(sample, labels={}, tags=(), caption=None))
        else:
            left_out[reason] = left_out.get(reason, 0) + 1
    return kept


def _why_not(sample: Sample, key: str, seen: set[str]) -> str | None:
    if sample.image is None:
        return "no picture"
    if not has_words(sample.text) or not key:
        return "no words"
    return "words that another meme has" if key in seen else None


def _own_splits(samples: Sequence[Sample], groups: NDArray[np.int64], left_out: dict[str, int]) -> Pool:
    """Without memes whose picture a later split has too: what was tested on stays untouched."""
    places = {split: place for place, split in enumerate(in_order(sample.split for sample in samples))}
    last: dict[int, int] = {}
    for sample, group in zip(samples, groups.tolist(), strict=True):
        last[group] = max(last.get(group, 0), places[sample.split])
    rows = [row for row, sample in enumerate(samples) if places[sample.split] == last[int(groups[row])]]
    crossing = len(samples) - len(rows)
    if crossing * 2 > len(samples):
        counts = ", ".join(f"{n} in {split}" for split, n in Counter(sample.split for sample in samples).items())
        raise DatasetError(
            f"{crossing} of {len(samples)} memes ({counts}) have a picture that another split has too; pool the splits "
            "and split anew by picture: --split-anew"
        )
    told = left_out | ({"picture that another split has": crossing} if crossing else {})
    kept = [samples[row] for row in rows]
    return Pool(kept, groups[rows], [sample.split for sample in kept], told, is_split_anew=False)
