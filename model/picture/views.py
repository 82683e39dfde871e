"""Views of a picture: what people are shown of it, each of which is judged."""

from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

#: What lies behind the clear parts of a picture.
Ground = Literal["light", "dark"]


@dataclass(frozen=True, eq=False)
class View:
    """One thing that people are shown of a picture: a frame of an animation, or its clear parts on another ground.

    ``frame`` counts from 0 and is None for a picture of one frame; ``ground`` is None where nothing is clear, or where
    the ground makes no difference.
    """

    image: Image.Image = field(repr=False)
    frame: int | None = None
    ground: Ground | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture. ``views`` are upright RGB, the first of them what ``Meme.image`` is.

    ``damage`` says what was wrong with the bytes; ``not_seen`` what people are shown and no view holds.
    """

    format: str
    views: tuple[View, ...]
    n_frames: int = 1
    damage: str | None = None
    not_seen: str | None = None
