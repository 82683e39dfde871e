"""Which samples the compact bundle is trained on, chosen on and measured on.

Test splits are read here to be reported, and by nothing that chooses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from training.compact.config import MixtureConfig
from training.compact.rendered_memes import caption_drafts, draw, sentence_drafts
from training.datasets import (
    Sample,
    read_hatecheck,
    read_hateful_memes,
    read_hatemoji,
    read_imgflip,
    read_multioff,
    read_stormfront,
)
from training.datasets.base import hateful

T = TypeVar("T")


@dataclass(frozen=True)
class Mixture:
    """``text`` trains the first phase, ``memes`` the second, with ``texts_beside_memes`` among them.

    ``select`` picks epochs and seeds. ``calibrate`` is ``select`` with rendered memes beside it: real dev memes are
    half hateful and all of one topic, which no stream of flagged items is.
    """

    text: list[Sample]
    memes: list[Sample]
    texts_beside_memes: list[Sample]
    select: list[Sample]
    calibrate: list[Sample]
    tests: dict[str, list[Sample]]


def build_mixture(data: Path, config: MixtureConfig, cache: Path) -> Mixture:
    """Read and draw everything below ``data``; raises ``DatasetError`` for a set that is missing."""
    rng = np.random.default_rng(config.seed)
    text_hate, imgflip = data / "text_hate", data / "imgflip"
    religious = {
        split: read_hateful_memes(data / "religious_memes", split, dataset="religious_memes").samples
        for split in ("train", "dev", "test")
    }
    multioff = {split: read_multioff(data / "multioff", split).samples for split in ("train", "dev", "test")}
    hatemoji = read_hatemoji(text_hate, "train").samples
    stormfront = read_stormfront(text_hate).samples
    hate = [sample for sample in stormfront if sample.labels["hateful"]]
    no_hate = [sample for sample in stormfront if not sample.labels["hateful"]]
    captions = _pick(read_imgflip(imgflip), None, rng)
    templates = sorted(path.stem for path in (imgflip / "templates").glob("*.jpg"))

    drawn_captions, rest = captions[: config.rendered_captions], captions[config.rendered_captions :]
    dev_captions, text_captions = rest[: config.rendered_dev_captions], rest[config.rendered_dev_captions :]
    sentences = (
        _pick(hatemoji, config.rendered_hatemoji, rng)
        + _pick(hate, config.rendered_stormfront // 2, rng)
        + _pick(no_hate, config.rendered_stormfront // 2, rng)
    )
    dev_sentences = _pick(read_hatemoji(text_hate, "dev").samples, config.rendered_dev_hatemoji, rng)
    drafts = sentence_drafts(sentences, templates, rng) + caption_drafts(drawn_captions)
    dev_drafts = sentence_drafts(dev_sentences, templates, rng) + caption_drafts(dev_captions)
    rendered = draw(drafts, imgflip, cache, split="train", seed=config.seed)
    rendered_dev = draw(dev_drafts, imgflip, cache, split="dev", seed=config.seed)
    select = religious["dev"] + multioff["dev"]
    text = hatemoji + hate + _pick(no_hate, config.stormfront_no_hate, rng)
    return Mixture(
        text=text
        + [
            Sample(draft.id, "imgflip", "train", draft.text, hateful(False))
            for draft in caption_drafts(text_captions[: config.caption_texts])
        ],
        memes=religious["train"] + multioff["train"] + rendered,
        texts_beside_memes=_pick(text, config.texts_beside_memes, rng),
        select=select,
        calibrate=select + rendered_dev,
        tests={
            "religious_memes": religious["test"],
            "multioff": multioff["test"],
            "hatemoji": read_hatemoji(text_hate, "test").samples,
            "hatecheck": [replace(sample, tags=()) for sample in read_hatecheck(text_hate).samples],
        },
    )


def _pick(items: Sequence[T], n: int | None, rng: np.random.Generator) -> list[T]:
    """``n`` items drawn without return (None: all, shuffled)."""
    order = rng.permutation(len(items))[:n]
    return [items[place] for place in order]
