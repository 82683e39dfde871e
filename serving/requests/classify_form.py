"""Parser of a classify request in multipart/form-data, to the memes that it holds."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypeVar

from model.meme import has_words
from model.verdict import EXPLAIN_LEVELS, Explain
from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, is_data_url
from serving.requests.charsets import UTF_8, known_charset
from serving.requests.classify_body import ClassifyInput, ClassifyRequest, Item, ItemPlaces, check_count, split_tags
from serving.requests.multipart import FormPart, parse_parts

_FIELDS = ("image", "text", "tags", "policy", "explain")
#: The field by which a form names the charset of its texts (HTML's).
_CHARSET = "_charset_"
#: What programs append to the name of a field that is there several times.
_INDEX = re.compile(r"\[\d{0,4}\]$")
_EXPLAIN: dict[str, Explain] = {"true": True, "false": False} | {level: level for level in EXPLAIN_LEVELS}
_MAX_DATA_URL_HEAD = 100
_T = TypeVar("_T")


def from_form(options: Mapping[bytes, bytes], body: bytes, max_items: int, max_values: int) -> ClassifyRequest:
    """The memes of a form, whose Content-Type has ``options``; raises ``ProblemError`` 400, 413, 415 or 422."""
    boundary = options.get(b"boundary")
    if not boundary:
        raise ProblemError(400, "malformed_multipart", "the Content-Type has no multipart boundary")
    fields = _by_name(parse_parts(body, boundary, max_parts=16 * max_items))
    check_count(len(fields["image"]), max_items)
    charset = _charset_of(fields[_CHARSET], options.get(b"charset"))
    texts = {name: _texts(fields[name], name, charset) for name in _FIELDS if name != "image"}
    if sum(value.count(",") for value in texts["tags"]) > max_values:  # each tag costs many times its bytes
        raise ProblemError(413, "too_many_values", f"the form has more than {max_values} tags")
    images = [_picture(part, place) for part, place in _with_places(fields["image"], "image")]
    policy, explain = _only(texts["policy"], "policy"), _only(texts["explain"], "explain")
    return ClassifyRequest(
        _memes(images, texts["text"], [split_tags(value) for value in texts["tags"]]),
        [ItemPlaces(f"{{}}[{at}]", f"image[{at}]") for at in range(len(images))] if len(images) > 1 else [ItemPlaces()],
        many=len(images) > 1,
        policy=policy,
        explain=False if explain is None else _explain(explain),
    )


def _by_name(parts: Sequence[FormPart]) -> defaultdict[str, list[FormPart]]:
    fields: defaultdict[str, list[FormPart]] = defaultdict(list)
    for number, part in enumerate(parts, start=1):
        name = _INDEX.sub("", part.name)
        if name not in (*_FIELDS, _CHARSET):
            raise ProblemError(
                422, "unknown_field", f"part {number} of the form is a field that is none of {', '.join(_FIELDS)}"
            )
        if not part.is_unchosen:
            fields[name].append(part)
    return fields


def _with_places(parts: Sequence[FormPart], name: str) -> list[tuple[FormPart, str]]:
    """Each part with what it is called where something is wrong with it."""
    return [(part, f"{name}[{at}]" if len(parts) > 1 else name) for at, part in enumerate(parts)]


def _charset_of(declared: Sequence[FormPart], of_all: bytes | None) -> str:
    """The charset of texts that declare none themselves."""
    named = _only([part.text(_CHARSET, "ascii") for part in declared], _CHARSET)
    if named is not None:
        return known_charset(named, _CHARSET)
    return UTF_8 if of_all is None else known_charset(of_all.decode("latin-1"), "the form")


def _texts(parts: Sequence[FormPart], name: str, charset: str) -> list[str]:
    return [part.text(place, charset) for part, place in _with_places(parts, name)]


def _picture(part: FormPart, place: str) -> bytes:
    """The picture file; a page that sends what it drew on a canvas may send its data: URL."""
    content = part.content(place)
    if is_data_url(content[:_MAX_DATA_URL_HEAD].decode("latin-1")):
        return from_data_url(content.decode("latin-1"), place)
    return content


def _memes(images: list[bytes], texts: list[str], tags: list[tuple[str, ...]]) -> list[Item]:
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


def _only(values: Sequence[str], name: str) -> str | None:
    if len(values) > 1:
        raise ProblemError(422, f"{name}_count", f"the form has {len(values)} fields {name}; give it once")
    return values[0] if values else None


def _explain(value: str) -> Explain:
    if value not in _EXPLAIN:
        raise ProblemError(422, "bad_explain", f"explain must be one of {', '.join(_EXPLAIN)}")
    return _EXPLAIN[value]


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
