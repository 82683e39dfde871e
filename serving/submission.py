"""A request's body, multipart or JSON, becomes the memes that were submitted."""

import base64
import binascii
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import from_json
from python_multipart.multipart import parse_options_header

from serving.multipart import Part, parse_parts
from serving.problems import ProblemError
from serving.schemas import ClassifyItem

_FIELDS = ("image", "text", "tags")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Submission:
    """One meme as it came in, before anything was decoded. ``image`` None: its words stand alone."""

    image: bytes | None = field(repr=False)
    text: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)
    id: str | None = None


@dataclass(frozen=True)
class BadItem:
    """A place in a request for many that holds no meme."""

    id: str | None
    problem: ProblemError


@dataclass(frozen=True)
class Order:
    """What one request asks for. ``many`` says that the answer is a list, even when one meme was sent."""

    items: list[Submission | BadItem]
    many: bool


def parse_body(content_type: str | None, body: bytes, max_items: int) -> Order:
    """Read a body by its declared type; raises ``ProblemError`` (400, 413, 415 or 422) for one that holds no order."""
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise ProblemError(400, "malformed_multipart", "the Content-Type has no multipart boundary")
        return _from_form(parse_parts(body, boundary, max_parts=16 * max_items), max_items)
    if kind == b"application/json":
        return _from_json(body, max_items)
    raise ProblemError(
        415, "unsupported_media_type", "send multipart/form-data with a field image, or application/json"
    )


def _from_form(parts: list[Part], max_items: int) -> Order:
    fields: defaultdict[str, list[bytes]] = defaultdict(list)
    for part in parts:
        if part.name not in _FIELDS:
            raise ProblemError(422, "unknown_field", f"the form has a field that is none of {', '.join(_FIELDS)}")
        fields[part.name].append(part.content)
    images = fields["image"]
    if not images:
        raise ProblemError(422, "missing_image", "the form has no field image")
    _check_count(len(images), max_items)
    texts: list[str | None] = [_utf8(value, "text") for value in fields["text"]]
    tags = [split_tags(_utf8(value, "tags")) for value in fields["tags"]]
    if len(images) == 1:
        if len(texts) > 1:
            raise ProblemError(422, "text_count", "one picture has at most one field text")
        only = Submission(images[0], texts[0] if texts else None, tuple(chain.from_iterable(tags)))
        return Order([only], many=False)
    rows = zip(
        images, _one_each(texts, len(images), "text", None), _one_each(tags, len(images), "tags", ()), strict=True
    )
    return Order([Submission(image, text, tag_row) for image, text, tag_row in rows], many=True)


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


def _from_json(body: bytes, max_items: int) -> Order:
    try:
        document = from_json(body)
    except ValueError as error:
        raise ProblemError(400, "malformed_json", "the body is not valid JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise ProblemError(422, "invalid_body", "the JSON body must be an object")
    if "items" not in document:
        return Order([_from_item(document)], many=False)
    items = document["items"]
    if len(document) > 1 or not isinstance(items, list) or not items:
        raise ProblemError(422, "invalid_body", "items must be a list with at least one item, and stand alone")
    _check_count(len(items), max_items)
    return Order([_item_or_problem(item) for item in items], many=True)


def _item_or_problem(item: object) -> Submission | BadItem:
    try:
        return _from_item(item)
    except ProblemError as problem:
        given = item.get("id") if isinstance(item, Mapping) else None
        return BadItem(given if isinstance(given, str) else None, problem)


def _from_item(item: object) -> Submission:
    try:
        parsed = ClassifyItem.model_validate(item)
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"][0] if first["loc"] else "item"
        # Only our own field names are repeated: an unknown key is the caller's content.
        known = place if place in ClassifyItem.model_fields else "an unknown field"
        raise ProblemError(422, "invalid_body", f"{known}: {first['msg']}") from error
    return Submission(_decoded(parsed.image), parsed.text, tuple(parsed.tags or ()), parsed.id)


def _decoded(image: str) -> bytes:
    try:
        return base64.b64decode("".join(image.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(400, "bad_base64", "image is not standard base64") from error


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
        raise ProblemError(413, "too_many_items", f"{n_items} pictures in one request; the limit is {max_items}")
