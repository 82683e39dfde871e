"""How well, and how fast, each OCR engine reads memes: the table of docs/results.md.

    OMP_THREAD_LIMIT=1 python -m benchmarks.ocr --data DIR --n 60 --seed 7 --out ocr.json

DIR holds ``imgflip/`` (``templates/*.jpg`` and ``captions.jsonl.gz``) and ``multioff/`` (``Labelled Images/`` and
``Split Dataset/``). Two sets:

- rendered: imgflip captions drawn on imgflip templates by ``training.data.meme_renderer``, its three styles in turn.
  The text is known exactly; templates that have words of their own are left out.
- MultiOFF: pictures of one split with the dataset's sentence as the reference. That was itself read by a machine and
  corrected in part: it misses words, has some that are not there, and orders columns its own way. No engine can reach
  a character error of 0 on it.

Word F1 is over multisets of lower-cased alphanumeric words, micro averaged: order does not count. Character error is
edit distance over those words joined by spaces, per reference character: order and word breaks count, case and
punctuation do not. Time is per picture, as a multiple of plain ``pytesseract.image_to_string`` in the same run: the
engines take turns on each picture, so that a busy machine slows all of them. Set OMP_THREAD_LIMIT=1 for a fair
yardstick there: Tesseract's own threads get in one another's way, and our engine already limits them.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.ocr_metrics import ReadingScore, score_reading
from model.ocr import OcrEngine, make_engine
from training.data.meme_renderer import STYLES, render_meme
from training.datasets import read_imgflip, read_multioff
from training.datasets.readers.imgflip import template_path

Picture = NDArray[np.uint8]
Reader = Callable[[Picture], str | None]

PLAIN = "plain image_to_string"

# Told by eye from the pictures.
TEMPLATES_WITH_WORDS = frozenset(
    {
        "Ancient-Aliens",
        "Bernie-I-Am-Once-Again-Asking-For-Your-Support",
        "Change-My-Mind",
        "Disaster-Girl",
        "Hard-To-Swallow-Pills",
        "Left-Exit-12-Off-Ramp",
        "Marked-Safe-From",
        "Maury-Lie-Detector",
        "Roll-Safe-Think-About-It",
        "Spongebob-Ight-Imma-Head-Out",
        "The-Scroll-Of-Truth",
        "Two-Buttons",
        "UNO-Draw-25-Cards",
        "Who-Killed-Hannibal",
        "Who-Would-Win",
    }
)


@dataclass
class Measurement:
    """One engine on one set, picture after picture."""

    score: ReadingScore = field(default_factory=ReadingScore)
    seconds: float = 0.0
    n_pictures: int = 0
    n_failed: int = 0

    def add(self, reference: str, read: str | None, seconds: float) -> None:
        """Count one picture; None, a failed read, is scored as no text and counted as failed."""
        self.score += score_reading(reference, read or "")
        self.seconds += seconds
        self.n_pictures += 1
        self.n_failed += read is None

    def summary(self) -> dict[str, float | int]:
        """Return the figures for the JSON report."""
        return {
            "word_f1": self.score.word_f1,
            "word_precision": self.score.precision,
            "word_recall": self.score.recall,
            "character_error": self.score.character_error,
            "seconds_per_picture": self.seconds / max(1, self.n_pictures),
            "pictures": self.n_pictures,
            "failed": self.n_failed,
        }


def rendered_memes(folder: Path, n: int, seed: int) -> Iterator[tuple[Picture, str]]:
    """Yield ``n`` pictures with what is written on them."""
    captions = [caption for caption in read_imgflip(folder) if caption.template not in TEMPLATES_WITH_WORDS]
    rng = np.random.default_rng(seed)
    for index in range(n):
        caption = captions[rng.integers(len(captions))]
        with Image.open(template_path(folder, caption.template)) as template:
            meme = render_meme(template, caption.boxes, style=STYLES[index % len(STYLES)], rng=rng)
        yield np.asarray(meme.image), meme.text


def multioff_memes(folder: Path, split: str, n: int) -> Iterator[tuple[Picture, str]]:
    """Yield the first ``n`` pictures of a split with the dataset's sentence."""
    for sample in read_multioff(folder, split).samples[:n]:
        if sample.image is not None:
            with Image.open(sample.image) as image:
                yield np.asarray(image.convert("RGB")), sample.text


def plain_reader() -> Reader:
    """The yardstick: pytesseract as its documentation starts it."""
    pytesseract = importlib.import_module("pytesseract")
    return lambda picture: str(pytesseract.image_to_string(Image.fromarray(picture)))


def engine_reader(engine: OcrEngine) -> Reader:
    """Read with one of our engines. A missing engine ends the benchmark; a failed read (a time limit) is None."""
    if reason := engine.unavailable_reason():
        raise SystemExit(f"{engine.name} is unavailable: {reason}")

    def read(picture: Picture) -> str | None:
        result = engine.read(picture)
        return None if result.status == "failed" else result.text

    return read


def measure(memes: Iterator[tuple[Picture, str]], readers: dict[str, Reader]) -> dict[str, Measurement]:
    """Let every reader read every picture, in turn."""
    measurements = {name: Measurement() for name in readers}
    for index, (picture, reference) in enumerate(memes):
        for name, read in readers.items():
            if index == 0:
                read(picture)  # models load at the first read
            start = time.perf_counter()
            text = read(picture)
            measurements[name].add(reference, text, time.perf_counter() - start)
    return measurements


def markdown_table(results: dict[str, dict[str, Measurement]]) -> str:
    """One row for each set and engine."""
    lines = [
        "| pictures | engine | word F1 | precision | recall | character error | time |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for set_name, measurements in results.items():
        yardstick = measurements[PLAIN].seconds or 1.0
        for engine, measured in measurements.items():
            score = measured.score
            lines.append(
                f"| {set_name} ({measured.n_pictures}) | {engine} | {score.word_f1:.3f} | {score.precision:.3f} "
                f"| {score.recall:.3f} | {score.character_error:.3f} | {measured.seconds / yardstick:.1f}x |"
            )
            if measured.n_failed:
                lines[-1] += f" {measured.n_failed} failed |"
    return "\n".join(lines)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds imgflip/ and multioff/")
    parser.add_argument("--n", type=int, default=60, help="rendered memes (default: 60)")
    parser.add_argument("--n-multioff", type=int, default=150, help="MultiOFF pictures at most (default: all)")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="test")
    parser.add_argument("--seed", type=int, default=7, help="of the rendered memes (default: 7)")
    parser.add_argument("--engines", nargs="+", default=["rapidocr", "tesseract"])
    parser.add_argument("--threads", type=int, default=None, help="threads that one read may use")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    arguments = _arguments(argv)
    engines = [make_engine(name, threads=arguments.threads) for name in arguments.engines]
    readers = {PLAIN: plain_reader()} | {f"{e.name} {e.version}": engine_reader(e) for e in engines}
    data: Path = arguments.data
    sets = {
        "rendered": rendered_memes(data / "imgflip", arguments.n, arguments.seed),
        f"MultiOFF {arguments.split}": multioff_memes(data / "multioff", arguments.split, arguments.n_multioff),
    }
    results = {name: measure(memes, readers) for name, memes in sets.items()}
    print(markdown_table(results))
    if arguments.out:
        _write_report(arguments.out, results, {"seed": arguments.seed, "python": sys.version.split()[0]})


def _write_report(path: Path, results: dict[str, dict[str, Measurement]], run: dict[str, Any]) -> None:
    figures = {name: {engine: m.summary() for engine, m in engines.items()} for name, engines in results.items()}
    path.write_text(json.dumps({"run": run, "results": figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
