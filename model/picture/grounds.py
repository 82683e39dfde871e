"""Grounds that pages put behind the clear parts of a picture: white, and the near-black of dark modes.

#121212 is what Android and most web frameworks take for dark mode. Pages that are quite black show the same: no picture
hides in the difference of 18 levels.
"""

from PIL import Image

from model.picture.views import Ground

COLOURS: dict[Ground, tuple[int, int, int]] = {"light": (255, 255, 255), "dark": (18, 18, 18)}


def has_clear_parts(picture: Image.Image) -> bool:
    """Whether the ground can be seen through the picture."""
    if picture.mode != "RGBA":
        return False
    lowest = picture.getchannel("A").getextrema()[0]
    return isinstance(lowest, (int, float)) and lowest < 255


def flattened(picture: Image.Image, ground: Ground) -> Image.Image:
    """The picture, RGB or RGBA, on a ground."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    flat = Image.new("RGBA", picture.size, (*COLOURS[ground], 255))
    flat.alpha_composite(picture)
    return flat.convert("RGB")
