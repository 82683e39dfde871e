"""Parser of a classify request's body, multipart or JSON, to the memes that it holds."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeVar

from python_multipart.multipart import parse_options_header

from model.meme import has_words
from serving.problems import ProblemError
from serving.requests.base64_image import from_base64, from_data_url, is_data_url
from serving.requests.json_body import json_object, validated
from serving.requests.multipart import FormPart, parse_parts
from serving.schemas import MAX_ID_CHARS, ClassifyItem, ClassifyOne, ClassifyOptions
from serving.settings import Settings

_FIELDS = ("image", "text", "tags", "policy", "explain")
_MEMBERS = frozenset(ClassifyOne.model_fields)
_YES_NO = {b"true": True, b"false": False}
_T = TypeVar("_T")


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


@dataclass(frozen=True)
class ClassifyRequest:
    """What one request asks for. ``many`` says that the answer is a list, even when one meme was sent."""

    items: list[Item]
    many: bool
    policy: str | None = None
    explain: bool = False


def parse_body(content_type: str | None, body: bytes, limits: Settings) -> ClassifyRequest:
    """Read a body by its declared type; raises ``ProblemError`` (400, 413, 415 or 422) for one that holds none."""
    # Texts and tags may hold commas, and there are so many of them at most.
    max_values = limits.max_items * (limits.max_text_chars + 1000)
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise ProblemError(400, "malformed_multipart", "the Content-Type has no multipart boundary")
        parts = parse_parts(body, boundary, max_parts=16 * limits.max_items)
        return _from_form(parts, limits.max_items, max_values)
    if kind == b"application/json":
        return _from_json(json_object(body, max_values), limits.max_items)
    raise ProblemError(
        415, "unsupported_media_type", "send multipart/form-data with a field image, or application/json"
    )


def _from_form(parts: list[FormPart], max_items: int, max_values: int) -> ClassifyRequest:
    fields: defaultdict[str, list[bytes]] = defaultdict(list)
    for part in parts:
        if part.name not in _FIELDS:
            raise ProblemError(422, "unknown_field", f"the form has a field that is none of {', '.join(_FIELDS)}")
        fields[part.name].append(part.content)
    images = fields["image"]
    _check_count(len(images), max_items)
    if sum(value.count(b",") for value in fields["tags"]) > max_values:  # each tag costs many times its bytes
        raise ProblemError(413, "too_many_values", f"the form has more than {max_values} tags")
    texts = [_utf8(value, "text") for value in fields["text"]]
    tags = [split_tags(_utf8(value, "tags")) for value in fields["tags"]]
    policy, explain = _only(fields["policy"], "policy"), _only(fields["explain"], "explain")
    return ClassifyRequest(
        _memes_of_form(images, texts, tags),
        many=len(images) > 1,
        policy=None if policy is None else _utf8(policy, "policy"),
        explain=False if explain is None else _yes_or_no(explain),
    )


def _memes_of_form(images: list[bytes], texts: list[str], tags: list[tuple[str, ...]]) -> list[Item]:
    if len(images) > 1:
        given: list[str | None] = list(texts)
        rows = zip(
            images, _one_each(given, len(images), "text", None), _one_each(tags, len(images), "tags", ()), strict=True
        )
        return [ClassifyInput(image, text, tag_row) for image, text, tag_row in rows]
    if not images and not any(map(has_words, texts)):
        raise ProblemError(422, "missing_image", "the form has neither a field image nor a text that is not blank")
    if len(texts) > 1:
        raise ProblemError(422, "text_count", "one meme has at most one field text")
    return [ClassifyInput(images[0] if images else None, texts[0] if texts else None, tuple(chain.from_iterable(tags)))]


def _only(values: list[bytes], name: str) -> bytes | None:
    if len(values) > 1:
        raise ProblemError(422, f"{name}_count", f"the form has {len(values)} fields {name}; give it once")
    return values[0] if values else None


def _yes_or_no(value: bytes) -> bool:
    if value not in _YES_NO:
        raise ProblemError(422, "bad_explain", "explain must be true or false")
    return _YES_NO[value]


def _one_each(values: list[_T], n_images: int, name: str, absent: _T) -> list[_T]:
    """With several pictures a field is given never or once each, so that nobody has to guess whose it is."""
    if not values:
        return [absent] * n_images
    if len(values) != n_images:
        raise ProblemError(
            422,
            f"{name}_count",
            f"{n_images} pictures and {len(values)} fields {name}: give {name} for none or for each of them "
            "(an empty field means not given)",
        )
    return values


def _from_json(document: dict[str, Any], max_items: int) -> ClassifyRequest:
    if "items" not in document:
        one = validated(ClassifyOne, document, _MEMBERS, "item")
        return ClassifyRequest([_item(one)], False, one.policy, bool(one.explain))
    items = document.pop("items")
    if not isinstance(items, list) or not items:
        raise ProblemError(422, "invalid_body", "items must be a list with at least one item")
    _check_count(len(items), max_items)
    options = validated(ClassifyOptions, document, _MEMBERS, "item")
    return ClassifyRequest([_item_or_problem(item) for item in items], True, options.policy, bool(options.explain))


def _item_or_problem(item: object) -> Item:
    try:
        return _item(validated(ClassifyItem, item, _MEMBERS, "item"))
    except ProblemError as problem:
        given = item.get("id") if isinstance(item, Mapping) else None
        return BadItem(given if isinstance(given, str) and len(given) <= MAX_ID_CHARS else None, problem)


def _item(parsed: ClassifyItem) -> ClassifyInput | LinkedItem:
    rest = ClassifyInput(None, parsed.text, tuple(parsed.tags or ()), parsed.id)
    if parsed.image is not None:
        return replace(rest, image=from_base64(parsed.image, "image"))
    if parsed.image_url is None:
        return rest
    if is_data_url(parsed.image_url):
        return replace(rest, image=from_data_url(parsed.image_url))
    return LinkedItem(parsed.image_url, rest)


def _utf8(value: bytes, name: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(400, "bad_encoding", f"the field {name} is not UTF-8") from error


def split_tags(tags: str) -> tuple[str, ...]:
    """Tags of a form field or a flag: separated by commas, blank ones left out."""
    return tuple(tag.strip() for tag in tags.split(",") if tag.strip())


def _check_count(n_items: int, max_items: int) -> None:
    if n_items > max_items:
        raise ProblemError(413, "too_many_items", f"{n_items} memes in one request; the limit is {max_items}")
