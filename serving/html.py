"""HTML that is written here: templates whose values are escaped, and pictures as ``data:`` URLs."""

import base64
import io

from jinja2 import BaseLoader, Environment, StrictUndefined
from PIL import Image

_QUALITY = 85


def html_templates(loader: BaseLoader) -> Environment:
    """Templates that escape every value, since ids, words and names come from elsewhere, and know no missing one."""
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def jpeg_url(jpeg: bytes) -> str:
    """A JPEG file as a ``data:`` URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def small_jpeg(image: Image.Image, max_side_px: int) -> bytes:
    """A picture made anew, with no side longer than that, as a JPEG file."""
    shown = image.convert("RGB")
    shown.thumbnail((max_side_px, max_side_px))
    held = io.BytesIO()
    shown.save(held, "JPEG", quality=_QUALITY)
    return held.getvalue()


def picture_url(image: Image.Image, max_side_px: int) -> str:
    """The same as a ``data:`` URL."""
    return jpeg_url(small_jpeg(image, max_side_px))
