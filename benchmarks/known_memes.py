"""Memes that ``benchmarks.known`` measures on: drawn on imgflip's templates, and the training pictures of two sets."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.data.meme_renderer import STYLES, render_meme
from training.datasets import read_hateful_memes, read_imgflip, read_multioff
from training.datasets.readers.imgflip import ImgflipCaption, template_path

HALVES = ("dev", "report")
#: Templates are no larger than that; PDQ sees the same in any size, and many are drawn in the time of a few.
_DRAWN_PX = (320, 320)


@dataclass(frozen=True)
class Shown:
    """A meme. ``picture`` names what its words stand on: memes of one template have the same.

    With ``is_altered`` it is told what becomes of it when it is altered; ``recaptioned`` is then its template, where it
    is known, with somebody else's words.
    """

    picture: str
    image: Image.Image
    text: str
    is_altered: bool = False
    recaptioned: Image.Image | None = None

    @property
    def half(self) -> str:
        """Memes of one picture are in the same half."""
        return HALVES[hashlib.sha256(self.picture.encode()).digest()[0] % 2]


def memes(data: Path, n: int, seed: int, alter_every: int) -> Iterator[Shown]:
    """All training pictures of MultiOFF and religious_memes, and as many drawn memes as make ``n`` with them.

    One in ``alter_every`` of both kinds is to be altered.
    """
    n_real = 0
    for n_real, meme in enumerate(real_memes(data, alter_every), start=1):
        yield meme
        if n_real == n:
            return
    yield from drawn_memes(data / "imgflip", n - n_real, seed, alter_every)


def real_memes(data: Path, alter_every: int) -> Iterator[Shown]:
    """Of the training splits alone."""
    multioff = read_multioff(data / "multioff", "train").samples
    religious = read_hateful_memes(data / "religious_memes", "train", dataset="religious_memes").samples
    for index, sample in enumerate([*multioff, *religious]):
        if sample.image is not None:
            with Image.open(sample.image) as file:
                image = file.convert("RGB")
            yield Shown(f"{sample.dataset}/{sample.id}", image, sample.text, index % alter_every == 0)


def drawn_memes(folder: Path, n: int, seed: int, alter_every: int) -> Iterator[Shown]:
    """Captions that people wrote on the templates they wrote them for, in the three styles of memes."""
    rng = np.random.default_rng(seed)
    captions = read_imgflip(folder)
    by_template: dict[str, list[ImgflipCaption]] = {}
    for at in rng.permutation(len(captions)):
        by_template.setdefault(captions[at].template, []).append(captions[at])
    names = sorted(by_template)
    for index in range(n):
        of_template = by_template[names[index % len(names)]]
        turn, style = index // len(names), STYLES[int(rng.integers(len(STYLES)))]
        one, other = (of_template[(turn + step) % len(of_template)].boxes for step in (0, 1))
        with Image.open(template_path(folder, names[index % len(names)])) as template:
            background = template.convert("RGB")
        background.thumbnail(_DRAWN_PX)
        meme = render_meme(background, one, style=style, rng=rng)
        is_altered = (index + turn) % alter_every == 0  # of each template in its turn
        again = render_meme(background, other, style=style, rng=rng).image if is_altered else None
        yield Shown(names[index % len(names)], meme.image, " ".join(one), is_altered, again)
