"""Blank meme templates and the captions that people wrote on them; unlabelled, and taken as not hateful.

That is true of nearly all of them, and is said in the data card.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from training.datasets.base import Loaded, Sample, existing, hateful

_FILE = "captions.jsonl.gz"


@dataclass(frozen=True)
class ImgflipCaption:
    """One user's caption of a template: a text for each of its boxes."""

    template: str
    boxes: tuple[str, ...]

    @property
    def id(self) -> str:
        """A name that follows from template and words."""
        return hashlib.sha256(json.dumps([self.template, self.boxes]).encode()).hexdigest()[:16]

    @property
    def split(self) -> str:
        """There is no official split: a tenth is ``dev``, by the id."""
        return "dev" if int(self.id, 16) % 10 == 0 else "train"


def read_imgflip(root: Path) -> list[ImgflipCaption]:
    """The captions of ``captions.jsonl.gz``; ``templates/<template>.jpg`` is the picture of each."""
    with gzip.open(existing(root / _FILE), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [ImgflipCaption(row["template"], tuple(row["boxes"])) for row in rows]


def splits_of_captions(root: Path) -> tuple[str, ...]:
    """``train`` and ``dev`` where the captions are there."""
    return ("train", "dev") if (root / _FILE).is_file() else ()


def read_captions(root: Path, split: str, *, dataset: str = "imgflip") -> Loaded:
    """The captions of a split as texts, each once."""
    captions = {caption.id: caption for caption in read_imgflip(root)}
    samples = [
        Sample(name, dataset, split, " ".join(caption.boxes), hateful(False))
        for name, caption in captions.items()
        if caption.split == split
    ]
    return Loaded(samples)


def template_path(root: Path, template: str) -> Path:
    """Where a template's picture lies."""
    return root / "templates" / f"{template}.jpg"
