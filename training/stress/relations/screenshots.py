"""Relations of fusion into a screenshot: the sentence as a message of a chat or as a post, as apps draw them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from training.data.meme_renderer import Colour, line_height
from training.stress.relations.base import registered
from training.stress.relations.fusion import FusedRelation
from training.stress.relations.lettering import BLACK, WHITE, Lettering, fitted, font_of, write

_SOURCE = "AugLy, overlay_onto_screenshot (Papakipos and Bitton 2022); DUO (Wang and others, ISSTA 2023)"
_NIGHT: Colour = (21, 32, 43)
_GREY: Colour = (120, 130, 140)
_SENT: Colour = (210, 240, 205)
_OPENING, _REPLY = "good morning", "see you at lunch"


@registered
class Chat(FusedRelation):
    """A message of a chat on a phone: alone, in two messages, or between two that say nothing."""

    name = "chat"
    strengths = ("one message", "two messages", "among others")
    source = _SOURCE
    added_words = f"{_OPENING} {_REPLY} Sam online 9:41"

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """The scene is the chat's background."""
        words = text.split()
        half = (len(words) + 1) // 2 if strength == "two messages" else len(words)
        said = [" ".join(part) for part in (words[:half], words[half:]) if part]
        messages = [_OPENING, *said, _REPLY] if strength == "among others" else said
        return _chat(messages, scene)


@registered
class Post(FusedRelation):
    """A post of a social network with the scene below it: by day, by night, or in its small print on a wide page."""

    name = "post"
    strengths = ("light", "dark", "small")
    source = _SOURCE
    added_words = "Sam sam 9:41 12 3 Reply Share Like"

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """Above the scene, under the name of who posts."""
        page, ink = (_NIGHT, WHITE) if strength == "dark" else (WHITE, BLACK)
        lettering = Lettering(None, 15 if strength == "small" else 28, ink, centred=False)
        font, lines = fitted(text, lettering, (scene.width - 40, scene.width))
        top, words_px = 80, len(lines) * line_height(font)
        image = Image.new("RGB", (scene.width, top + words_px + scene.height + 64), page)
        draw = ImageDraw.Draw(image)
        draw.ellipse((20, 16, 68, 64), fill=_GREY)
        draw.text((80, 16), "Sam", font=font_of("DejaVuSans-Bold.ttf", 20), fill=ink)
        draw.text((80, 42), "@sam 9:41", font=font_of(None, 16), fill=_GREY)
        write(image, text, (20, top - 4, scene.width - 20, top - 4 + words_px), lettering)
        image.paste(scene, (0, top + words_px + 10))
        for at, label in enumerate(("Reply 3", "Share", "Like 12")):
            draw.text((20 + at * scene.width // 3, image.height - 40), label, font=font_of(None, 18), fill=_GREY)
        return image


def _chat(messages: Sequence[str], scene: Image.Image) -> Image.Image:
    """Bubbles from the top down on ``scene``, to the left and to the right in turns, below the bar of the app."""
    lettering, width = Lettering(None, 26, BLACK, centred=False), scene.width * 3 // 4
    sizes = [fitted(message, lettering, (width - 36, scene.width)) for message in messages]
    heights = [len(lines) * line_height(font) + 26 for font, lines in sizes]
    image = scene.resize((scene.width, max(scene.height, 90 + sum(heights) + 16 * len(heights))))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, scene.width, 60), fill=(7, 94, 84))
    draw.ellipse((14, 8, 58, 52), fill=(200, 205, 210))
    draw.text((72, 8), "Sam", font=font_of("DejaVuSans-Bold.ttf", 20), fill=WHITE)
    draw.text((72, 34), "online", font=font_of(None, 15), fill=WHITE)
    y = 76
    for at, (message, height) in enumerate(zip(messages, heights, strict=True)):
        left = 14 if at % 2 == 0 else scene.width - width - 14
        draw.rounded_rectangle((left, y, left + width, y + height), 14, fill=WHITE if at % 2 == 0 else _SENT)
        write(image, message, (left + 18, y + 6, left + width - 18, y + height - 20), lettering)
        draw.text((left + width - 48, y + height - 20), "9:41", font=font_of(None, 14), fill=_GREY)
        y += height + 16
    return image
