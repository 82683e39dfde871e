"""Minimal pairs (``training.datasets.minimal_pairs``): templates of our own, filled, as labelled sentences.

The tag of a sample is the group that it names. A sample's ``pair`` is shared by the sentences that differ in the words
of their templates alone.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from training.datasets.base import Loaded, Sample, hateful
from training.datasets.minimal_pairs import SHIPPED
from training.datasets.minimal_pairs.fill import Filled, fill_sets
from training.datasets.minimal_pairs.templates import FUNCTIONS_FILE, WORDS_FILE, read_sets, read_words
from training.datasets.split_files import file_of_split, files_there
from training.datasets.target_groups import TargetLabels

_FILES = {split: f"{split}.yaml" for split in ("train", "dev", "test")}


def splits_of_minimal_pairs(root: Path) -> tuple[str, ...]:
    """Those whose templates are there, beside the words and functions that they need."""
    folder = root.parent if root.is_file() else root
    if not all((folder / name).is_file() for name in (FUNCTIONS_FILE, WORDS_FILE)):
        return ()
    return tuple(files_there(root, _FILES))


def read_minimal_pairs(root: Path, split: str, *, dataset: str = "minimal_pairs") -> Loaded:
    """The sentences of a split in an order that has nothing to do with their labels, the same every time."""
    path = file_of_split(files_there(root, _FILES), split, root / _FILES["train"])
    words = read_words(path.parent)
    sentences = sorted(fill_sets(read_sets(path, words), words), key=_shuffled)
    return Loaded([_sample(sentence, split, dataset) for sentence in sentences])


@cache
def group_classes() -> Mapping[str, str]:
    """The characteristic for which a group is attacked, by the tag of samples: "Muslims" is "religion"."""
    return {group.name: group.characteristic for group in read_words(SHIPPED).groups}


def _sample(sentence: Filled, split: str, dataset: str) -> Sample:
    tags = () if sentence.group is None else (sentence.group.name,)
    attacked = () if sentence.group is None else (sentence.group.characteristic,)
    return Sample(
        # Of the sentence, not of its number: a picture drawn of it is kept by this name.
        f"{sentence.template.id}-{_digest(sentence.text)[:8]}",
        dataset,
        split,
        sentence.text,
        TargetLabels().added(hateful(sentence.template.is_hateful), attacked),
        tags=tags,
        pair=f"{sentence.set_id}-{sentence.filling}",
    )


def _shuffled(sentence: Filled) -> tuple[str, str]:
    return _digest(f"{sentence.set_id}-{sentence.filling}"), _digest(sentence.text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
