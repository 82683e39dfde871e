"""Blank meme templates and the captions that people wrote on them; unlabelled."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from training.datasets.base import existing


@dataclass(frozen=True)
class ImgflipCaption:
    """One user's caption of a template: a text for each of its boxes."""

    template: str
    boxes: tuple[str, ...]


def read_imgflip(root: Path) -> list[ImgflipCaption]:
    """The captions of ``captions.jsonl.gz``; ``templates/<template>.jpg`` is the picture of each."""
    with gzip.open(existing(root / "captions.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [ImgflipCaption(row["template"], tuple(row["boxes"])) for row in rows]


def template_path(root: Path, template: str) -> Path:
    """Where a template's picture lies."""
    return root / "templates" / f"{template}.jpg"
