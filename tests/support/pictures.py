"""Picture files made in the test: memes with known words, and awkward files with the answer that each deserves."""

import numpy as np
from PIL import Image

from support.picture_files import encoded, png
from training.data.meme_renderer import STYLES, render_meme

_SENTENCES = (
    "when the tests pass at once",
    "one does not simply walk into production",
    "my code works and nobody knows why",
    "monday again already",
    "coffee first then meetings",
)


def meme(seed: int = 0, file_format: str = "PNG") -> bytes:
    """A rendered meme of about 400 x 300 pixels, of the style and sentence that ``seed`` picks."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(60, 120, size=(3, 4, 3), dtype=np.uint8)).resize((400, 300))
    sentence = _SENTENCES[seed % len(_SENTENCES)]
    return encoded(render_meme(picture, [sentence], style=STYLES[seed % len(STYLES)], rng=rng).image, file_format)


def _plain(mode: str = "RGB", side_px: int = 40) -> Image.Image:
    return Image.new(mode, (side_px, side_px), 90)


def _animation() -> bytes:
    frames = [_plain().convert("P"), Image.new("P", (40, 40), 7)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _palette_with_alpha() -> bytes:
    return encoded(Image.new("RGBA", (40, 40), (200, 30, 30, 128)).quantize(16))


#: Name, bytes, status and error code (None: judged).
AWKWARD: tuple[tuple[str, bytes, int, str | None], ...] = (
    ("zero_bytes.png", b"", 400, "empty"),
    ("truncated.png", meme()[:600], 400, "corrupt"),
    ("truncated.jpg", meme(file_format="JPEG")[:900], 400, "corrupt"),
    ("cut_in_header.png", meme()[:12], 400, "corrupt"),
    ("huge_header.png", png(20_000, 20_000, depth=8, colour=2, rows=b"few"), 413, "too_many_pixels"),
    ("text.jpg", b"this is no picture, whatever its name says", 415, "unsupported_format"),
    ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
    ("scan.tiff", encoded(_plain(), "TIFF"), 415, "unsupported_format"),
    ("cmyk.jpg", encoded(_plain("CMYK"), "JPEG"), 200, None),
    ("sixteen_bit.png", encoded(Image.fromarray(np.full((40, 40), 40_000, dtype=np.uint16))), 200, None),
    ("animated.gif", _animation(), 200, None),
    ("palette_alpha.png", _palette_with_alpha(), 200, None),
    ("one_bit.png", encoded(_plain("1")), 200, None),
    ("one_pixel.png", encoded(_plain(side_px=1)), 200, None),
    ("png_named.jpg", meme(), 200, None),
)
