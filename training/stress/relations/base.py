"""What a relation is: a change of a meme's form that keeps its meaning, and so its label.

A moderator that judges the plain meme rightly and the changed one wrongly has an error that nobody needs to label:
the relation says what the answer should have been (metamorphic testing; MTTM, Wang and others, ICSE 2023).
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal, get_args

import numpy as np
from PIL import Image

from model.errors import MemeguardError
from training.data.meme_renderer import RenderedMeme, render_meme

Family = Literal["words", "drawing", "picture", "container", "fusion"]
FAMILIES: tuple[Family, ...] = get_args(Family)


class UnknownRelationError(MemeguardError):
    """A name that is neither a relation nor a family; the message lists those there are."""


@dataclass(frozen=True)
class StressItem:
    """A meme in memory: ``picture`` is an encoded file (PNG, JPEG, GIF or WEBP), None for words alone.

    ``text`` is the post's words beside it, None where there are none.
    """

    picture: bytes | None = field(repr=False)
    text: str | None = field(repr=False)


@dataclass(frozen=True)
class Seed:
    """A labelled sentence. ``group`` is whom it is about, where its file says so."""

    id: str
    text: str = field(repr=False)
    hateful: bool
    group: str | None = None


@dataclass(frozen=True)
class Variant:
    """A seed, changed. ``proof`` says how it is known that the meaning was kept: "rule: ..." or "ocr: word F1 .93"."""

    item: StressItem
    relation: str
    strength: str
    seed_id: str
    hateful: bool
    proof: str


class Relation(ABC):
    """A change that keeps the meaning. One object serves any number of threads: it holds no state.

    ``strengths`` go from mild to strong; ``source`` is the paper or tool that it was taken from.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    strengths: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    #: Words that it writes beside the seed's, such as the names in a chat: a proof does not count them.
    added_words: ClassVar[str] = ""
    #: What a proof by OCR may do to the picture before it reads it, as people turn their head or go nearer.
    preparations: ClassVar[tuple[Callable[[Image.Image], Image.Image], ...]] = ()

    @abstractmethod
    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """The seed, changed, on ``scene`` (RGB, harmless) where it needs a picture. None: does not apply to this seed.

        ``rng`` alone decides what is left to chance.
        """

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """Why ``item`` surely says what ``seed`` says, checked on both. None: no rule says so, and OCR must read it."""
        return None

    def drawn_words(self, seed: Seed, item: StressItem) -> str:
        """Those that the picture must be read to say where no rule holds: the seed's, less those of the post."""
        return seed.text


#: Says how it is known that an item still says what the seed says, or None: it is not known.
Prove = Callable[[Relation, Seed, StressItem], str | None]

_RELATIONS: dict[str, Relation] = {}
#: Every relation by its name.
RELATIONS: Mapping[str, Relation] = MappingProxyType(_RELATIONS)


def registered(relation: type[Relation]) -> type[Relation]:
    """Class decorator: make the relation known by its name."""
    made = relation()
    if made.name in _RELATIONS or made.name in (*FAMILIES, "all") or not made.strengths:
        raise ValueError(f"relation {made.name!r}: its name is taken, or it has no strengths")
    _RELATIONS[made.name] = made
    return relation


def relations_named(names: str) -> list[Relation]:
    """Relations by a comma-separated list of names and families, or "all"; each once, in the order of ``FAMILIES``.

    Raises ``UnknownRelationError``.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in asked if name not in (*RELATIONS, *FAMILIES, "all")]
    if unknown or not asked:
        what = f"unknown relation {', '.join(map(repr, unknown))}" if unknown else "no relation is named"
        raise UnknownRelationError(f"{what}; name all, {', '.join(FAMILIES)}, or some of: {', '.join(RELATIONS)}")
    named = [one for one in RELATIONS.values() if {"all", one.family, one.name} & {*asked}]
    return sorted(named, key=lambda one: FAMILIES.index(one.family))


def baseline(seed: Seed, scene: Image.Image | None) -> StressItem:
    """What a variant is compared with: the sentence in plain meme letters on ``scene``, or alone where that is None.

    Variants of the family "words" are words alone; all others have a picture.
    """
    if scene is None:
        return StressItem(None, seed.text)
    return StressItem(encoded(plain_meme(seed, scene).image), None)


def plain_meme(seed: Seed, scene: Image.Image) -> RenderedMeme:
    """The sentence on a white bar above ``scene``, always at the same size."""
    return render_meme(scene, [seed.text], style="caption_bar", rng=np.random.default_rng(0))


def vary(
    relation: Relation, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator, prove: Prove
) -> Variant | None:
    """The seed, changed; None where the relation does not apply or nothing proves that the meaning was kept."""
    item = relation.apply(seed, scene, strength, rng)
    proof = None if item is None else prove(relation, seed, item)
    if item is None or proof is None:
        return None
    return Variant(item, relation.name, strength, seed.id, seed.hateful, proof)


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    """``image`` as a file of this format, with the options that Pillow's writer takes."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
