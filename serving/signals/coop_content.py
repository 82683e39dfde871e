"""What of Coop's input is judged: words, pictures by their URLs, and what there is beside them that cannot be."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from model.meme import has_words
from serving.problems import ProblemError
from serving.requests.classify_body import BadItem
from serving.schemas.signals import CoopField, CoopImage, CoopItem, CoopString

_WORDS, _PICTURES = "STRING", frozenset({"IMAGE", "MEDIA"})
#: Types of values (Coop's ``ScalarTypes``) that are neither words nor a picture nor a recording.
_NO_CONTENT = frozenset(
    [
        *("USER_ID", "ID", "BOOLEAN", "NUMBER", "DATETIME", "GEOHASH", "RELATED_ITEM", "URL", "POLICY_ID"),
        *("IP_ADDRESS", "EMAIL_ADDRESS", "PHONE_NUMBER"),
    ]
)
#: Types that an error may name; others are words of the caller's.
_NAMED = frozenset({_WORDS, *_PICTURES, "AUDIO", "VIDEO", "ARRAY", "MAP"})


@dataclass(frozen=True)
class Content:
    """``words`` is None where nothing of them can be seen; ``unjudged`` has one for each type of what is not judged."""

    words: str | None = field(repr=False)
    urls: tuple[str, ...] = field(repr=False)
    unjudged: tuple[BadItem, ...]

    @property
    def n_memes(self) -> int:
        """How many are judged at most: beside words a picture is judged twice, with them and with its own."""
        return max(len(self.urls) * (1 if self.words is None else 2), 1)


def content_of(value: CoopString | CoopImage | CoopItem) -> Content:
    """Raises ``ProblemError`` 422 where there is nothing in it."""
    words: list[str] = []
    urls: list[str] = []
    unjudged: dict[str, None] = {}
    for kind, one in _values(value):
        url = _url(one) if kind in _PICTURES else None
        if kind == _WORDS and isinstance(one, str):
            words.append(one)
        elif url is not None:
            urls.append(url)
        elif kind not in _NO_CONTENT:
            unjudged[kind if kind in _NAMED else "unknown"] = None
    text = "\n".join(words)
    if not urls and not unjudged and not has_words(text):
        raise ProblemError(422, "invalid_body", "value: there is neither a picture nor a word that can be seen")
    return Content(text if has_words(text) else None, tuple(urls), tuple(_not_judged(kind) for kind in unjudged))


def _not_judged(kind: str) -> BadItem:
    return BadItem(
        None, ProblemError(415, "unsupported_format", f"value: a value of type {kind} in it cannot be judged")
    )


def _values(value: CoopString | CoopImage | CoopItem) -> Iterator[tuple[str, Any]]:
    """Types and values that are there, in the order of the item's type; of a container, each in it."""
    if isinstance(value, CoopString):
        yield value.type, value.value
    elif isinstance(value, CoopImage):
        yield value.type, value.value.url
    else:
        for one in value.itemType.schema_:
            yield from _of_field(one, value.data.get(one.name))


def _of_field(declared: CoopField, value: Any) -> Iterator[tuple[str, Any]]:
    in_it = None if declared.container is None else declared.container.valueScalarType
    if declared.type == "MAP" and isinstance(value, dict):
        found = list(value.values())
    else:
        found = value if isinstance(value, list) else [value]
    for one in found:
        # Coop tags the values of containers with their type.
        if isinstance(one, dict) and "type" in one and "value" in one:
            yield str(one["type"]), one["value"]
        elif one is not None:
            yield in_it or declared.type, one


def _url(value: Any) -> str | None:
    """Where a picture is; None where the value says of no picture where."""
    if isinstance(value, dict):
        value = None if value.get("mediaType") in ("AUDIO", "VIDEO") else value.get("url")
    return value if isinstance(value, str) else None
