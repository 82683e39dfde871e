"""Memes drawn with a line of another script beside an English one, for the benchmark of unread text and for tests.

Fonts are looked for in the folders given, else in matplotlib's, whose DejaVu draws Cyrillic, Greek, Arabic, Hebrew,
Armenian and Georgian; Debian's fonts-noto-core has the others.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.ocr import Box

#: Harmless sentences. The shipped recogniser reads the languages in READ, and none of the others.
UNREAD = {
    "Russian": ("Доброе утро дорогие друзья", "и соседи", "никто не хочет работать", "когда кот опять спит"),
    "Ukrainian": ("Щасливого ранку", "їжак іде додому", "ґанок"),
    "Greek": ("Καλημέρα αγαπητοί φίλοι", "και γείτονες", "όταν η γάτα κοιμάται", "ο σκύλος μου"),
    "Arabic": ("صباح الخير أيها الأصدقاء", "والجيران", "عندما ينام القط", "هذا بيتي"),
    "Hebrew": ("בוקר טוב חברים יקרים", "ושכנים", "כשהחתול ישן", "זה הבית שלי"),
    "Armenian": ("Բարի լույս սիրելի ընկերներ", "իմ տունը"),
    "Georgian": ("დილა მშვიდობისა მეგობრებო", "ჩემი სახლი"),
    "Hindi": ("सुप्रभात प्रिय मित्रों", "और पड़ोसियों", "जब बिल्ली सोती है", "यह मेरा घर है"),
    "Bengali": ("সুপ্রভাত প্রিয় বন্ধুরা", "আমার বাড়ি"),
    "Tamil": ("காலை வணக்கம் நண்பர்களே", "என் வீடு"),
    "Thai": ("สวัสดีตอนเช้าเพื่อนรัก", "และเพื่อนบ้าน", "เมื่อแมวนอนหลับ"),
    "Korean": ("좋은 아침 친구들", "그리고 이웃들", "고양이가 잠잘 때"),
}
READ = {
    "English": ("good morning dear friends", "and neighbours", "when the cat sleeps again", "nobody wants to work"),
    "French": ("bonjour chère amie", "où est le garçon"),
    "Polish": ("dzień dobry drodzy przyjaciele", "moja mama śpi"),
    "Vietnamese": ("chào buổi sáng các bạn", "con mèo lại ngủ"),
    "Chinese": ("早上好亲爱的朋友", "猫又睡着了"),
    "Japanese": ("おはようございます", "ネコがまた寝た"),
}
_ENGLISH = ("good morning", "when you see it", "me and the boys", "nobody:", "look at this")
_MISSING = "\uffff"  # a noncharacter: whatever a font draws for it is its "no such letter" box


@dataclass(frozen=True)
class ScriptMeme:
    """``box`` is where the line that is not English was drawn."""

    image: Image.Image
    box: Box


def fonts_for(text: str, folders: Iterable[Path] = ()) -> list[Path]:
    """Fonts that can draw all of ``text``, of each folder or else of matplotlib's."""
    return [
        path for folder in [*folders] or [_matplotlib_fonts()] for path in _font_files(folder) if _draws(path, text)
    ]


def script_meme(text: str, font: Path, *, rng: np.random.Generator) -> ScriptMeme:
    """``text`` above or below an English line, outlined in white over a picture or in black on a white bar."""
    width, height = int(rng.choice([480, 600, 720])), int(rng.choice([360, 480]))
    outlined = bool(rng.random() < 0.5)
    capitals = outlined and rng.random() < 0.6
    lines = [str(rng.choice(_ENGLISH)), text]
    sized = ImageFont.truetype(font, int(width / rng.uniform(13, 24)))
    image = _background(rng, width, height, has_bar=not outlined)
    if rng.random() < 0.5:
        lines.reverse()
    boxes = draw_lines(image, [line.upper() if capitals else line for line in lines], sized, outlined=outlined)
    return ScriptMeme(image, boxes[lines.index(text)])


def draw_lines(
    image: Image.Image, lines: Sequence[str], font: ImageFont.FreeTypeFont, *, outlined: bool = False
) -> list[Box]:
    """Draw lines from the top down, centred, each small enough for the picture; the boxes that they take."""
    draw = ImageDraw.Draw(image)
    boxes: list[Box] = []
    top_px = 0.03 * image.height
    for line in lines:
        fitting = font.font_variant(size=min(font.size, font.size * 0.94 * image.width / font.getlength(line)))
        at = ((image.width - fitting.getlength(line)) / 2, top_px)
        outline_px = max(1, round(fitting.size / 14)) if outlined else 0
        draw.text(at, line, font=fitting, fill="white" if outlined else "black", stroke_width=outline_px, stroke_fill=0)
        left, top, right, bottom = draw.textbbox(at, line, font=fitting, stroke_width=outline_px)
        boxes.append((int(left), int(top), int(right), int(bottom)))
        top_px += fitting.size * 1.35
    return boxes


def _background(rng: np.random.Generator, width: int, height: int, *, has_bar: bool) -> Image.Image:
    colour = rng.integers(40, 190, 3) + rng.normal(0, 6, (height, width, 1))
    image = Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((0.3 * width, 0.45 * height, 0.7 * width, 0.95 * height), fill=(190, 150, 90))
    if has_bar:
        draw.rectangle((0, 0, width, 0.35 * height), fill="white")
    return image


def _matplotlib_fonts() -> Path:
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise SystemExit("there is no matplotlib, whose fonts are drawn with: pip install -e '.[train]', or --fonts")
    return Path(spec.origin).parent / "mpl-data/fonts/ttf"


@lru_cache
def _font_files(folder: Path) -> list[Path]:
    """Regular and bold fonts of a folder, at any depth, but those of mathematics."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf", ".ttc"))
    return [path for path in files if path.stem.endswith(("Sans", "Serif", "-Regular", "-Bold", "Gothic", "Myeongjo"))]


def _draws(font: Path, text: str) -> bool:
    sized = ImageFont.truetype(font, 24)
    missing = bytes(sized.getmask(_MISSING))
    return all(bytes(sized.getmask(char)) != missing for char in set(text + text.upper()) if not char.isspace())
