"""Relations of fusion: the sentence becomes a part of a harmless picture, or of a picture of somebody else's app.

Neither what is drawn beside it nor its place says anything about the sentence, so it means what it meant.
"""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from training.data.meme_renderer import Colour, drawable
from training.stress.relations.base import registered
from training.stress.relations.drawing import DrawnRelation
from training.stress.relations.lettering import BLACK, WHITE, Lettering, enlarged, font_of, write
from training.stress.relations.warped import in_perspective

_DUO = "DUO, semantic fusion (Wang and others, ISSTA 2023)"
_PAD_PX = 12


class FusedRelation(DrawnRelation):
    """Draws the sentence into the scene."""

    family = "fusion"
    preparations = (enlarged,)


@registered
class Caption(FusedRelation):
    """White capitals with a black rim on the scene: above, above and below, or small at the lower edge."""

    name = "caption"
    strengths = ("above", "above and below", "small below")
    source = _DUO

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """On the scene itself."""
        image = scene.copy()
        lettering = Lettering(None, scene.width // 12, WHITE, BLACK, 0.08)
        width, height = scene.size
        if strength == "small below":
            small = Lettering(None, scene.width // 32, WHITE, BLACK, 0.1)
            write(image, text.upper(), (width // 4, 5 * height // 6, width - 10, height - 4), small)
            return image
        words = text.upper().split()
        half = len(words) if strength == "above" or len(words) < 2 else (len(words) + 1) // 2
        write(image, " ".join(words[:half]), (10, 6, width - 10, height // 3), lettering)
        if words[half:]:
            write(image, " ".join(words[half:]), (10, 2 * height // 3, width - 10, height - 6), lettering)
        return image


@registered
class Sign(FusedRelation):
    """On a board that stands in the scene: seen from the front, from the side, or from afar."""

    name = "sign"
    strengths = ("in front", "from the side", "from afar")
    source = _DUO

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """A white board with a red rim on a post."""
        board = Image.new("RGB", (scene.width * 5 // 8, scene.height * 3 // 8), WHITE)
        ImageDraw.Draw(board).rectangle((5, 5, board.width - 6, board.height - 6), outline=(190, 40, 40), width=5)
        write(board, text, (22, 16, board.width - 22, board.height - 16), Lettering("DejaVuSans-Bold.ttf", 38))
        mask = Image.new("RGB", board.size, BLACK)
        if strength == "from the side":
            cut = board.height * 0.17
            corners = np.array(
                [(0, 0), (0, board.height), (board.width * 0.8, board.height - cut), (board.width * 0.8, cut)]
            )
            board = in_perspective(board, corners, board.size)
            mask = in_perspective(mask, corners, mask.size)
        elif strength == "from afar":
            board, mask = (part.resize((part.width * 5 // 9, part.height * 5 // 9), 3) for part in (board, mask))
        image = scene.copy()
        x, y = int(rng.integers(10, scene.width - board.width - 10)), scene.height - board.height - scene.height // 5
        middle = x + board.width * 2 // 5
        ImageDraw.Draw(image).rectangle((middle, y + board.height // 2, middle + 14, scene.height), fill=(110, 85, 60))
        image.paste(board, (x, y), ImageOps.invert(mask.convert("L")))
        return image


@registered
class SpeechBubble(FusedRelation):
    """Said in a speech bubble by somebody out of sight, or in two bubbles, one below the other."""

    name = "speech_bubble"
    strengths = ("one", "two")
    source = _DUO

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """White bubbles in the upper half of the scene."""
        words = text.split()
        n = 2 if strength == "two" and len(words) > 1 else 1
        image = scene.copy()
        height = scene.height * 2 // (5 * n) + 20
        for at, part in enumerate(np.array_split(np.array(words, dtype=object), n)):
            left = 15 + at * scene.width // 5
            _bubble(
                image,
                " ".join(part),
                (left, 12 + at * (height + 15), left + scene.width * 3 // 4, height * (at + 1) + 15 * at),
            )
        return image


@registered
class Handwriting(FusedRelation):
    """Written as by hand: on a note, on a board in chalk, or by a hand that trembles.

    Each letter is put down with a tilt, a size and a height of its own; no font of a hand comes with our libraries.
    """

    name = "handwriting"
    strengths = ("note", "chalk", "trembling")
    source = _DUO

    def drawn(self, text: str, scene: Image.Image, strength: str, rng: np.random.Generator) -> Image.Image:
        """A note or board in the middle of the scene."""
        ink, paper = ((235, 235, 230), (45, 70, 60)) if strength == "chalk" else ((25, 35, 120), (250, 245, 200))
        note = _handwritten(text, scene.width * 7 // 8, ink, paper, 2.5 if strength == "trembling" else 1.0, rng)
        if note.height > scene.height * 9 // 10:
            note = note.resize((note.width, scene.height * 9 // 10))
        image = scene.copy()
        image.paste(note, ((scene.width - note.width) // 2, (scene.height - note.height) // 2))
        return image


def _bubble(image: Image.Image, text: str, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(box, 28, fill=WHITE, outline=BLACK, width=3)
    draw.polygon([(left + 50, bottom - 3), (left + 85, bottom - 3), (left + 35, bottom + 28)], fill=WHITE)
    draw.line([(left + 50, bottom - 1), (left + 35, bottom + 28), (left + 85, bottom - 1)], fill=BLACK, width=3)
    write(image, text, (left + 24, top + 10, right - 24, bottom - 10), Lettering(None, 30))


def _handwritten(
    text: str, width_px: int, ink: Colour, paper: Colour, tremble: float, rng: np.random.Generator
) -> Image.Image:
    """A note with ``text``, each letter with a tilt, a size and a height of its own, ``tremble`` times as much off."""
    space_px, line_px = 16, 56
    words = [[_by_hand(char, ink, tremble, rng) for char in word] for word in drawable(text).split()]
    placed: list[tuple[Image.Image, int, int]] = []
    x, y = 24, 16
    for word in words:
        if x > 24 and x + sum(letter.width - 2 * _PAD_PX for letter in word) > width_px - 24:
            x, y = 24, y + line_px
        for letter in word:
            placed.append((letter, x - _PAD_PX, y + int(rng.normal(0, 1.2 * tremble))))
            x += letter.width - 2 * _PAD_PX
        x += space_px
    note = Image.new("RGB", (width_px, y + line_px + 24), paper)
    for letter, left, top in placed:
        note.paste(letter, (left, top), letter)
    return note


def _by_hand(char: str, ink: Colour, tremble: float, rng: np.random.Generator) -> Image.Image:
    """One letter on a clear ground, ``_PAD_PX`` wider at each side; letters slant, as in mathematics' italics."""
    size_px = round(40 * (1 + rng.normal(0, 0.03 * tremble)))
    font = font_of("cmmi10.ttf" if char.isascii() and char.isalpha() else None, size_px)
    letter = Image.new("RGBA", (math.ceil(font.getlength(char)) + 2 * _PAD_PX, 64), (*ink, 0))
    ImageDraw.Draw(letter).text((_PAD_PX, 46), char, font=font, fill=ink, stroke_width=0.6, anchor="ls")
    return letter.rotate(float(rng.normal(0, 2.5 * tremble)), Image.Resampling.BICUBIC)
