"""Parser of a classify request in JSON, to the memes that it holds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, image_from_text, is_data_url
from serving.requests.classify_body import (
    BadItem,
    ClassifyInput,
    ClassifyRequest,
    Item,
    ItemPlaces,
    LinkedItem,
    check_count,
)
from serving.requests.json_body import validated
from serving.schemas import MAX_ID_CHARS, ClassifyItem, ClassifyOne, ClassifyOptions

_MEMBERS = frozenset(ClassifyOne.model_fields)
_PICTURE, _LINK = "image", "image_url"


def from_document(document: dict[str, Any], max_items: int) -> ClassifyRequest:
    """The memes of a JSON body; raises ``ProblemError`` 400, 413 or 422 for what is wrong with all of it."""
    if "items" not in document:
        one = validated(ClassifyOne, document, _MEMBERS, "item")
        places = _places(ItemPlaces(), document)
        return ClassifyRequest([_item(one, places)], [places], False, one.policy, one.explain or False)
    items = document.pop("items")
    if not isinstance(items, list) or not items:
        raise ProblemError(422, "invalid_body", "items must be a list with at least one item")
    check_count(len(items), max_items)
    options = validated(ClassifyOptions, document, _MEMBERS, "item")
    places_of_all = [_places(ItemPlaces(f"items.{at}.{{}}", f"items.{at}"), item) for at, item in enumerate(items)]
    parsed = [_item_or_problem(item, places) for item, places in zip(items, places_of_all, strict=True)]
    return ClassifyRequest(parsed, places_of_all, True, options.policy, options.explain or False)


def _places(places: ItemPlaces, item: object) -> ItemPlaces:
    linked = isinstance(item, Mapping) and item.get(_PICTURE) is None and item.get(_LINK) is not None
    return replace(places, picture=_LINK if linked else _PICTURE)


def _item_or_problem(item: object, places: ItemPlaces) -> Item:
    try:
        return _item(validated(ClassifyItem, item, _MEMBERS, places.whole, within=places.whole), places)
    except ProblemError as problem:
        given = item.get("id") if isinstance(item, Mapping) else None
        return BadItem(given if isinstance(given, str) and len(given) <= MAX_ID_CHARS else None, problem)


def _item(parsed: ClassifyItem, places: ItemPlaces) -> ClassifyInput | LinkedItem:
    rest = ClassifyInput(None, parsed.text, tuple(parsed.tags or ()), parsed.id)
    name = places.member.format(places.picture)
    if parsed.image is not None:
        return replace(rest, image=image_from_text(parsed.image, name))
    if parsed.image_url is None:
        return rest
    if is_data_url(parsed.image_url):
        return replace(rest, image=from_data_url(parsed.image_url, name))
    return LinkedItem(parsed.image_url, rest)
