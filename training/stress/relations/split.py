"""Relations of fusion that take the sentence apart: half in the picture and half in the post, pictures for words."""

import re
import string
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from training.data.meme_renderer import Colour, drawable
from training.stress.relations.base import Relation, Seed, StressItem, encoded, plain_meme, registered
from training.stress.relations.lettering import BLACK, WHITE, font_of, is_drawable, page_above

_DUO = "DUO, semantic fusion (Wang and others, ISSTA 2023)"
_SYMBOL_FONT = "DejaVuSans.ttf"
_SYMBOL_COLOUR: Colour = (30, 30, 90)
#: Words and the signs that stand for them, of those that DejaVu Sans draws. A plural is drawn twice.
SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "cat": "\U0001f431", "cow": "\U0001f42e", "monkey": "\U0001f435", "mouse": "\U0001f42d", "heart": "\u2665",
        "love": "\u2665", "sun": "\u2600", "cloud": "\u2601", "snowman": "\u2603", "umbrella": "\u2602",
        "plane": "\u2708", "airplane": "\u2708", "anchor": "\u2693", "phone": "\u260e", "telephone": "\u260e",
        "coffee": "\u2615", "tea": "\u2615", "letter": "\u2709", "mail": "\u2709", "pencil": "\u270f",
        "scissors": "\u2702", "star": "\u2605", "gear": "\u2699", "keyboard": "\u2328", "coffin": "\u26b0",
        "skull": "\u2620", "death": "\u2620", "dead": "\u2620", "peace": "\u262e", "sword": "\u2694",
        "swords": "\u2694", "flower": "\u273f", "music": "\u266b", "flag": "\u2691", "woman": "\u2640",
        "women": "\u2640\u2640", "man": "\u2642", "men": "\u2642\u2642", "jew": "\u2721", "jewish": "\u2721",
        "muslim": "\u262a", "christian": "\u271d", "buddhist": "\u2638", "disabled": "\u267f", "transgender": "\u26a7",
        "trans": "\u26a7", "snow": "\u2744", "lightning": "\u26a1", "chess": "\u265e", "king": "\u265a",
        "queen": "\u265b", "angel": "\U0001f607", "devil": "\U0001f608",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")


@registered
class HalfAndHalf(Relation):
    """Half of the words in the picture and half in the post beside it, or the longest word alone in the picture.

    Who judges the two apart sees the sentence in neither.
    """

    name = "half_and_half"
    family = "fusion"
    strengths = ("ends in the post", "begins in the post", "longest word in the picture")
    source = _DUO

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """None for a sentence of fewer than four words."""
        words = seed.text.split()
        if len(words) < 4 or not is_drawable(seed.text):
            return None
        half = len(words) // 2
        if strength == "longest word in the picture":
            longest = max(range(len(words)), key=lambda at: len(words[at]))
            drawn, post = words[longest], " ".join(["...", *words[longest + 1 :]])
            post = " ".join([*words[:longest], post])
        elif strength == "ends in the post":
            drawn, post = " ".join([*words[:half], "..."]), " ".join(["...", *words[half:]])
        else:
            drawn, post = " ".join(["...", *words[half:]]), " ".join([*words[:half], "..."])
        part = Seed(seed.id, drawn, seed.hateful)
        return StressItem(encoded(plain_meme(part, scene).image), post)

    def drawn_words(self, seed: Seed, item: StressItem) -> str:
        """Those that "..." in the post stands for; none where the post is not the rest of the seed."""
        words, post = seed.text.split(), (item.text or "").split()
        n = len(words) - len(post) + 1
        starts = [at for at in range(len(words) - n + 1) if [*words[:at], "...", *words[at + n :]] == post]
        return " ".join(words[starts[0] : starts[0] + n]) if starts else ""


@registered
class PictureForWord(Relation):
    """A sign drawn in place of a word that it stands for ("cats" by two of them), or of every such word.

    Only words of the table ``SYMBOLS``: animals and things, and the signs by which groups of people are known.
    """

    name = "picture_for_word"
    family = "fusion"
    strengths = ("one word", "every word")
    source = _DUO

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """None for a sentence without such a word."""
        if not is_drawable(seed.text):
            return None
        words = drawable(seed.text).split()
        places = [at for at, word in enumerate(words) if _sign(word) is not None]
        if not places:
            return None
        chosen = {places[int(rng.integers(len(places)))]} if strength == "one word" else {*places}
        return StressItem(encoded(_rebus(words, chosen, scene)), None)

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """By construction: each sign stands where its word stood."""
        return "the sentence as drawn, with signs in place of words that they stand for (the table SYMBOLS)"


def _sign(word: str) -> str | None:
    """The sign or signs that stand for ``word``, punctuation apart."""
    name = word.strip(string.punctuation).lower()
    if _WORD.fullmatch(name) is None:
        return None
    if name in SYMBOLS:
        return SYMBOLS[name]
    return SYMBOLS[name[:-1]] * 2 if name.endswith("s") and name[:-1] in SYMBOLS else None


def _rebus(words: list[str], chosen: set[int], scene: Image.Image, size_px: int = 34) -> Image.Image:
    """``words`` on a white page above ``scene``, those at ``chosen`` as signs, which are larger."""
    plain, signs = font_of(None, size_px), font_of(_SYMBOL_FONT, round(1.25 * size_px))
    placed, x, y = [], size_px // 2, size_px // 2
    for at, word in enumerate(words):
        sign = _sign(word) if at in chosen else None
        font, shown, colour = (plain, word, BLACK) if sign is None else (signs, sign, _SYMBOL_COLOUR)
        width = round(font.getlength(shown))
        if x > size_px and x + width > scene.width - size_px // 2:
            x, y = size_px // 2, y + round(1.6 * size_px)
        placed.append(((x, y + size_px), shown, font, colour))
        x += width + size_px // 3
    image = page_above(scene, y + 2 * size_px, WHITE)
    draw = ImageDraw.Draw(image)
    for where, shown, font, colour in placed:
        draw.text(where, shown, font=font, fill=colour, anchor="ls")
    return image
