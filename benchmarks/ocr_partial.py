"""How often a picture's text counts as read in part: of real memes, and of memes with a line that nobody here can read.

    python -m benchmarks.ocr_partial --data ../shared/data --fonts /usr/share/fonts

Real memes (religious_memes, MultiOFF, blank templates) should hardly ever be "partial": each is a review. Drawn memes
with a line in a script that the recogniser does not know (``script_memes.py``) should be always, with a box in
``unread`` over that line; with a line in a language that it knows, never.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.script_memes import READ, UNREAD, ScriptMeme, fonts_for, script_meme
from model.ocr import OcrEngine, OcrResult, make_engine
from model.ocr.boxes import containment

_PICTURES = ("religious_memes/img", "multioff/Labelled Images", "imgflip/templates")
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Share:
    """``n_hits`` of ``n`` pictures; ``expected`` says of what there should be few or many."""

    name: str
    n_hits: int
    n: int
    expected: str

    def __str__(self) -> str:
        return f"| {self.name} | {self.n} | {self.n_hits} | {self.n_hits / max(1, self.n):.1%} | {self.expected} |"


def spread(items: Sequence[Path], n: int) -> list[Path]:
    """``n`` of the items, at even distances."""
    return [items[index] for index in np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).astype(int))]


def real_shares(data: Path, n: int, engine: OcrEngine) -> Iterator[Share]:
    """How many real memes are not read in full, and which, set by set."""
    for folder in _PICTURES:
        files = spread(sorted(p for p in (data / folder).rglob("*") if p.suffix.lower() in _SUFFIXES), n)
        hits = [file.name for file in files if _read(engine, _pixels(file)).status == "partial"]
        print(f"{folder}: {', '.join(hits)}")
        yield Share(f"real: {folder.partition('/')[0]}", len(hits), len(files), "few")


def drawn_shares(fonts: Sequence[Path], n: int, engine: OcrEngine, seed: int) -> Iterator[Share]:
    """How many drawn memes are told to have an unread line where it was drawn, language by language."""
    for languages, expected in ((UNREAD, "all"), (READ, "none")):
        for language, sentences in languages.items():
            memes = list(_drawn(sentences, fonts, n, np.random.default_rng(seed)))
            n_hits = sum(_is_found(meme, _read(engine, np.asarray(meme.image))) for meme in memes)
            yield Share(f"drawn: {language}", n_hits, len(memes), expected if memes else "no font draws it")


def _drawn(sentences: Sequence[str], folders: Sequence[Path], n: int, rng: np.random.Generator) -> Iterator[ScriptMeme]:
    choices = [(text, font) for text in sentences for font in fonts_for(text, folders)]
    for index in range(n if choices else 0):
        text, font = choices[(index * 7) % len(choices)]
        yield script_meme(text, font, rng=rng)


def _is_found(meme: ScriptMeme, result: OcrResult) -> bool:
    return result.status == "partial" and any(containment(box, meme.box) > 0.5 for box in result.unread)


def _read(engine: OcrEngine, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> OcrResult:
    return engine.read(pixels)


def _pixels(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def _total(name: str, shares: Sequence[Share], expected: str) -> Share:
    return Share(name, sum(share.n_hits for share in shares), sum(share.n for share in shares), expected)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder that holds religious_memes/, multioff/, imgflip/"
    )
    parser.add_argument("--fonts", type=Path, nargs="*", default=[], help="folders of fonts (default: matplotlib's)")
    parser.add_argument("--n", type=int, default=150, help="real memes of each set at most (default: 150)")
    parser.add_argument("--n-drawn", type=int, default=24, help="drawn memes of each language (default: 24)")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args(argv)
    engine = make_engine("rapidocr", threads=1)
    real = list(real_shares(arguments.data, arguments.n, engine))
    drawn = list(drawn_shares(arguments.fonts, arguments.n_drawn, engine, arguments.seed))
    print("| pictures | n | partial | share | should be |\n|---|---:|---:|---:|---|")
    for share in (*real, _total("real: all", real, "under 5 %"), *drawn):
        print(share)
    print(_total("drawn: scripts that are not read", [s for s in drawn if s.expected == "all"], "95 % and more"))


if __name__ == "__main__":
    main()
