"""Pictures and words that cost far more to judge than to make, one maker for each kind; the same at every run."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

_BOUNDARY = "hostile-7d12"
_MULTIPART = f"multipart/form-data; boundary={_BOUNDARY}"


@dataclass(frozen=True)
class HostileInput:
    """A request body by its kind."""

    kind: str
    body: bytes
    content_type: str
    #: Bytes of the picture or of the words alone.
    n_bytes: int


def hostile_inputs() -> Iterator[HostileInput]:
    """Every kind."""
    for kind, make in PICTURES.items():
        yield _upload(kind, make())
    for kind, words in TEXTS.items():
        document = json.dumps({"text": words()}).encode()
        yield HostileInput(kind, document, "application/json", len(document))


def with_scans(n_scans: int, side_px: int = 3000) -> bytes:
    """A progressive JPEG with its last scan, which refines nothing, repeated to ``n_scans``."""
    first = _encoded(Image.new("RGB", (side_px, side_px), (90, 120, 150)), "JPEG", progressive=True, quality=30)
    starts = [at for at in range(len(first) - 1) if first[at : at + 2] == b"\xff\xda"]
    last = first[starts[-1] : first.rindex(b"\xff\xd9")]
    return first[:-2] + last * (n_scans - len(starts)) + first[-2:]


def dense_page(n_words: int = 1260) -> bytes:
    """Tiny words in rows, each a box of its own."""
    page = Image.new("L", (1000, 1270), 255)
    draw = ImageDraw.Draw(page)
    for index in range(n_words):
        draw.text((5 + index % 14 * 71, 4 + index // 14 * 14), f"w{index:04d}", fill=0)
    return _encoded(page.convert("1"), "PNG", optimize=True)


def long_animation(kind: str = "GIF", n_frames: int = 400) -> bytes:
    """Frames that all differ in a line of words."""
    frames = []
    for index in range(n_frames):
        frame = Image.new("L", (640, 480), 255)
        ImageDraw.Draw(frame).text((20 + index % 50, 5 + index), f"frame number {index}", fill=0)
        frames.append(frame.convert("P"))
    return _encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=20, loop=0)


def noisy_lines(side_px: int = 4000) -> bytes:
    """Blocks that a detector takes for words, over a large picture."""
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 2, size=(side_px // 8, side_px // 8), dtype=np.uint8) * 255
    return _encoded(Image.fromarray(cells).resize((side_px, side_px), Image.Resampling.NEAREST), "PNG")


def tall_chat(height_px: int = 16000, width_px: int = 700) -> bytes:
    """A screenshot of a chat, a line every 40 pixels."""
    page = Image.new("L", (width_px, height_px), 255)
    draw = ImageDraw.Draw(page)
    for top in range(10, height_px - 30, 40):
        draw.text((20, top), f"message at {top} says nothing in particular", fill=0, font_size=22)
    return _encoded(page, "PNG")


def _long_words() -> str:
    return " ".join(f"word{index}" for index in range(1200))[:10_000]


PICTURES: dict[str, Callable[[], bytes]] = {
    "JPEG of 1,200 scans": lambda: with_scans(1200),
    "JPEG of 90 scans": lambda: with_scans(90),
    "page of 1,260 words": dense_page,
    "GIF of 400 frames": long_animation,
    "WebP of 400 frames": lambda: long_animation("WEBP"),
    "16 megapixels of noise": noisy_lines,
    "screenshot of 16,000 rows": tall_chat,
    "40 megapixels of nothing": lambda: _encoded(Image.new("RGB", (8000, 5000)), "PNG"),
    "strip of 20,000 x 40": lambda: _encoded(Image.effect_noise((20000, 40), 90), "PNG"),
}
TEXTS: dict[str, Callable[[], str]] = {
    "10,000 characters": _long_words,
    "10,000 emoji": lambda: "\U0001f600" * 10_000,
    "10,000 letters in a row": lambda: "ab" * 5_000,
    "10,000 combining marks": lambda: "a" + "\u0301" * 9_999,
}


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _upload(kind: str, picture: bytes) -> HostileInput:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'.encode()
    return HostileInput(kind, head + picture + f"\r\n--{_BOUNDARY}--\r\n".encode(), _MULTIPART, len(picture))
