"""Memes of a classify request as they came in, before anything was decoded, and what an error calls their members."""

from dataclasses import dataclass, field
from typing import get_args

from model.errors import MemeErrorCode
from model.verdict import Explain
from serving.problems import ProblemError


@dataclass(frozen=True)
class ClassifyInput:
    """One meme as it came in, before anything was decoded. ``image`` None: its words stand alone."""

    image: bytes | None = field(repr=False)
    text: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)
    id: str | None = None


@dataclass(frozen=True)
class LinkedItem:
    """A meme whose picture is still to be fetched from ``url``; ``rest`` is what else came in."""

    url: str = field(repr=False)
    rest: ClassifyInput


@dataclass(frozen=True)
class BadItem:
    """An item of a request for many that holds no meme."""

    id: str | None
    problem: ProblemError


Item = ClassifyInput | LinkedItem | BadItem

#: The member that an error is about, where its code says so; every other error of a meme is about its picture.
_MEMBER_OF_CODE = {"text_too_long": "text", "bad_tags": "tags"}
OF_WORDS = frozenset(_MEMBER_OF_CODE)
_OF_PICTURE = {*get_args(MemeErrorCode), "url_not_allowed", "url_not_fetched"} - OF_WORDS


@dataclass(frozen=True)
class ItemPlaces:
    """What the members of one item are called in its request: ``member`` with a name in it, ``whole`` for all of it.

    ``picture`` is the member that holds the picture.
    """

    member: str = "{}"
    whole: str = ""
    picture: str = "image"

    def of(self, code: str) -> str:
        """The place of an error with this code; empty where it is about the only item of a request."""
        name = self.picture if code in _OF_PICTURE else _MEMBER_OF_CODE.get(code)
        return self.whole if name is None else self.member.format(name)


@dataclass(frozen=True)
class ClassifyRequest:
    """What one request asks for. ``many`` says that the answer is a list, even when one meme was sent.

    The problem of a ``BadItem`` names its place already; ``places`` is for what goes wrong with the other ``items``.
    """

    items: list[Item]
    places: list[ItemPlaces]
    many: bool
    policy: str | None = None
    explain: Explain = False


def split_tags(tags: str) -> tuple[str, ...]:
    """Tags of a form field or a flag: separated by commas, blank ones left out."""
    return tuple(tag.strip() for tag in tags.split(",") if tag.strip())


def check_count(n_items: int, max_items: int) -> None:
    """Raise ``ProblemError`` 413 for more memes than a request may hold."""
    if n_items > max_items:
        raise ProblemError(413, "too_many_items", f"{n_items} memes in one request; the limit is {max_items}")
