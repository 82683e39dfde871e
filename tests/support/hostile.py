"""Input that nobody should send: damaged pictures and bodies, the same ones at every run."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from support.picture_files import encoded
from support.pictures import AWKWARD
from support.server import BOUNDARY, form

#: Numbers that a length, a size or an offset in a header should not hold.
_EXTREMES = (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\xff\xff")
_GRADIENT = Image.linear_gradient("L").resize((32, 24)).convert("RGB")


def _with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a long description " * 5
    return encoded(_GRADIENT, "JPEG", exif=exif)


#: Sound files of every format, with what their decoders branch on.
SOUND = (
    *(encoded(_GRADIENT, kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP")),
    encoded(_GRADIENT, "JPEG", progressive=True),
    encoded(_GRADIENT, "WEBP", lossless=True),
    encoded(_GRADIENT.convert("RGBA"), "PNG"),
    _with_exif(),
    *(content for _, content, status, _ in AWKWARD if status == 200 and len(content) < 4000),
)


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] = rng.randrange(256)


def _flip_head(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(min(64, len(data)))] = rng.randrange(256)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randint(1, len(data)) :]


def _drop(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.randint(1, 40)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.randint(1, 200)]


def _insert(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data)) : 0] = rng.randbytes(rng.randint(1, 20))


def _extreme(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(min(200, len(data)))
    data[start : start + 4] = rng.choice(_EXTREMES)


def _splice(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data)) :] = rng.choice(SOUND)[rng.randrange(20) :]


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _flip_head,
    _cut,
    _drop,
    _repeat,
    _insert,
    _extreme,
    _splice,
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """``data`` with one to three kinds of damage."""
    found = bytearray(data)
    for damage in rng.choices(_DAMAGES, k=rng.randint(1, 3)):
        if found:
            damage(found, rng)
    return bytes(found)


def damaged_pictures(n: int, seed: int) -> Iterator[bytes]:
    """``n`` picture files, most of which cannot be decoded."""
    rng = random.Random(seed)
    for at in range(n):
        yield damaged(SOUND[at % len(SOUND)], rng)


def odd_sizes() -> list[bytes]:
    """Pictures that are sound, and hard on whatever resizes or reads them."""
    sizes = [(1, 1), (1, 2), (2, 1), (1, 3000), (3000, 1), (7, 4000), (33, 31)]
    return [encoded(Image.new("RGB", size, 128)) for size in sizes]


def damaged_bodies(n: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """``n`` bodies that began as sound ones of some route, with the content type that they claim."""
    rng = random.Random(seed)
    multipart = form([("image", "a.png", SOUND[0]), ("text", None, b"words"), ("explain", None, b"true")])
    for at in range(n):
        kind, body = _FORM, multipart
        if at % 4:
            kind, body = "application/json", json.dumps(_changed(_DOCUMENTS[at % len(_DOCUMENTS)], rng)).encode()
        if rng.random() < 0.4:
            body = damaged(body, rng)
        yield (rng.choice(_KINDS) if rng.random() < 0.1 else kind), body


_FORM = f"multipart/form-data; boundary={BOUNDARY}"
_KINDS = (_FORM, "application/json", "", "text/plain", "application/json; charset=utf-16", "multipart/x")
_DOCUMENTS: tuple[Any, ...] = (
    {"text": "words", "id": "a", "tags": ["cat"], "policy": "default", "explain": True},
    {"items": [{"text": "words"}, {"image": "AAAA"}, {"image_url": "data:image/png;base64,AAAA"}]},
    {"input": ["one", "two"], "model": "omni-moderation-latest"},
    {"input": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:;base64,AAAA"}}]},
    {"decision_id": "0" * 32, "labels": {"hateful": "hateful"}, "reason": "x"},
)
_ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**30, 1e308, float("nan"), float("-inf"), "", " ", "\u0000", "\ud800", "é" * 300),
    *(
        [],
        {},
        [[]],
        [None],
        {"": None},
        {"type": {}},
        "data:",
        "data:;base64,",
        "https://[",
        "http://\u0000/",
        "\u202e\u200b",
    ),
)


def _changed(value: Any, rng: random.Random) -> Any:
    """The document with something odd at some of its places, or with some of its members gone."""
    if rng.random() < 0.12:
        return rng.choice(_ODD)
    if isinstance(value, dict):
        kept = {key: _changed(inner, rng) for key, inner in value.items() if rng.random() > 0.05}
        return kept | (
            {rng.choice(["x", "", "items", "input", "image"]): rng.choice(_ODD)} if rng.random() < 0.05 else {}
        )
    return [_changed(inner, rng) for inner in value] if isinstance(value, list) else value
