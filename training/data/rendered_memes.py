"""Memes made by drawing sentences and captions on templates: pictures whose label is their words' label.

The same templates carry hateful sentences, harmless sentences and ordinary users' captions, so the picture tells
nothing and the network must read. Users' captions have no label of their own; they are taken as not hateful, which is
true of nearly all of them and is said in the data card.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from training.data.meme_renderer import STYLES, render_meme
from training.datasets.base import DatasetError, Labels, Sample, hateful
from training.datasets.readers.imgflip import ImgflipCaption, read_imgflip, splits_of_captions, template_path

#: Goes up when the drawing changes, so that pictures of an older kind are not taken from the cache.
_VERSION = 1
_JPEG_QUALITY = 85
_SEED = 17


@dataclass(frozen=True)
class Draft:
    """A meme to be drawn: the words of each box and the template under them.

    ``style_key``: memes with the same one are drawn alike; None: each in a style of its own.
    """

    id: str
    boxes: tuple[str, ...]
    template: str
    labels: Labels
    text: str
    style_key: str | None = None


def rendered_memes(samples: Sequence[Sample], root: Path, cache: Path) -> list[Sample]:
    """``samples`` of one split drawn on templates below ``root``, a caption on its own one; kept below ``cache``.

    Raises ``DatasetError`` when there are no templates.
    """
    templates = sorted(path.stem for path in (root / "templates").glob("*.jpg"))
    if not templates:
        raise DatasetError(f"{root}/templates holds no .jpg to draw memes on; see data_cards/imgflip.md")
    captions = {caption.id: caption for caption in read_imgflip(root)} if splits_of_captions(root) else {}
    drafts = caption_drafts([captions[sample.id] for sample in samples if sample.id in captions])
    sentences = [sample for sample in samples if sample.id not in captions]
    drafts += sentence_drafts(sentences, templates, np.random.default_rng(_SEED))
    return draw(drafts, root, cache, split=samples[0].split, seed=_SEED)


def sentence_drafts(samples: Sequence[Sample], templates: Sequence[str], rng: np.random.Generator) -> list[Draft]:
    """Labelled sentences, each on a template drawn at random; the text keeps emoji that no font here can draw.

    The sentences of a pair are drawn alike on one template, so that nothing but their words tells them apart.
    """
    return [
        Draft(
            id=f"{sample.dataset}-{sample.id}",
            boxes=(sample.text,),
            template=templates[int((rng if sample.pair is None else _rng(sample.pair)).integers(len(templates)))],
            labels=sample.labels,
            text=sample.text,
            style_key=sample.pair,
        )
        for sample in samples
    ]


def caption_drafts(captions: Sequence[ImgflipCaption]) -> list[Draft]:
    """Users' captions on the template that they were written for, taken as not hateful."""
    return [
        Draft(
            id=f"imgflip-{caption.id}",
            boxes=caption.boxes,
            template=caption.template,
            labels=hateful(False),
            text=" ".join(caption.boxes),
        )
        for caption in captions
    ]


def draw(drafts: Sequence[Draft], imgflip_root: Path, cache: Path, *, split: str, seed: int) -> list[Sample]:
    """Draw each draft once into ``cache`` and give the samples; a picture that is there already is kept."""
    folder = cache / f"rendered-v{_VERSION}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for draft in tqdm(drafts, desc=f"drawing {split} memes", unit="meme", disable=None):
        # A source of another size puts a sentence on another template, which is another picture.
        path = folder / f"{draft.id}-{draft.template}.jpg"
        if not path.is_file():
            _draw_one(draft, template_path(imgflip_root, draft.template), path, seed)
        samples.append(Sample(draft.id, "rendered", split, draft.text, draft.labels, path))
    return samples


def _draw_one(draft: Draft, template: Path, path: Path, seed: int) -> None:
    rng = _rng(f"{seed}:{draft.style_key or draft.id}")
    with Image.open(template) as background:
        meme = render_meme(background.convert("RGB"), draft.boxes, style=STYLES[rng.integers(len(STYLES))], rng=rng)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    meme.image.save(temporary, "JPEG", quality=_JPEG_QUALITY)
    temporary.replace(path)


def _rng(key: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
