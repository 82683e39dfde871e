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
punctuation do not. Time is per picture, as a multiple of plain ``pytesseract.image_to_string`` in the same run, and as
one of RapidOCR on onnxruntime as it was called in November 2026 (``ocr_november.py``): the engines take turns on each
picture, so that a busy machine slows all of them. Set OMP_THREAD_LIMIT=1 for a fair yardstick there: Tesseract's own
threads get in one another's way, and our engine already limits them.

For RapidOCR the table also has the pixels that its detector and its recogniser are given for a picture, in thousands,
and the share of the time that each takes. Pixels depend on no clock.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.ocr_november import NovemberRapidOcr
from benchmarks.ocr_work import CountedRapidOcr, NetworkWork, OcrWork
from model.engine import EngineChoice, choose
from model.ocr import OcrEngine, make_engine
from training.data.meme_renderer import STYLES, render_meme
from training.datasets import read_imgflip, read_multioff
from training.datasets.readers.imgflip import template_path
from training.evaluation.metrics.reading import ReadingScore, score_reading

Picture = NDArray[np.uint8]
Reader = Callable[[Picture], str | None]

PLAIN = "plain image_to_string"
NOVEMBER = "rapidocr of November"

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
    work: OcrWork | None = None

    def add(self, reference: str, read: str | None, seconds: float, work: OcrWork | None = None) -> None:
        """Count one picture; None, a failed read, is scored as no text and counted as failed."""
        if work is not None:
            self.work = work if self.work is None else self.work + work
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
            **self._work_figures(),
        }

    def _work_figures(self) -> dict[str, float | int]:
        if self.work is None:
            return {}
        networks = {"detector": self.work.detector, "recogniser": self.work.recogniser}
        return {
            f"{name}_{figure}": value
            for name, network in networks.items()
            for figure, value in (
                ("pixels_per_picture", network.n_pixels / max(1, self.n_pictures)),
                ("calls_per_picture", network.n_calls / max(1, self.n_pictures)),
                ("share_of_time", network.seconds / (self.seconds or 1.0)),
            )
        }


def rendered_memes(folder: Path, n: int, seed: int, scale: float = 1.0) -> Iterator[tuple[Picture, str]]:
    """Yield ``n`` pictures with what is written on them, made smaller by ``scale`` when all is drawn."""
    captions = [caption for caption in read_imgflip(folder) if caption.template not in TEMPLATES_WITH_WORDS]
    rng = np.random.default_rng(seed)
    for index in range(n):
        caption = captions[rng.integers(len(captions))]
        with Image.open(template_path(folder, caption.template)) as template:
            meme = render_meme(template, caption.boxes, style=STYLES[index % len(STYLES)], rng=rng)
        size = [max(1, round(side_px * scale)) for side_px in meme.image.size]
        yield np.asarray(meme.image.resize(size, Image.Resampling.LANCZOS)), meme.text


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


def measure(
    memes: Iterator[tuple[Picture, str]],
    readers: dict[str, Reader],
    works: dict[str, OcrWork] | None = None,
    *,
    warm: bool = False,
) -> dict[str, Measurement]:
    """Let every reader read every picture, in turn. ``works`` counts what some of them do.

    ``warm``: a first reading of each picture is not counted.
    """
    works = works or {}
    measurements = {name: Measurement() for name in readers}
    for index, (picture, reference) in enumerate(memes):
        for name, read in readers.items():
            if index == 0 or warm:  # models load at the first read
                read(picture)
                _taken(works, name)
            start = time.perf_counter()
            text = read(picture)
            measurements[name].add(reference, text, time.perf_counter() - start, _taken(works, name))
    return measurements


def _taken(works: dict[str, OcrWork], name: str) -> OcrWork | None:
    return works[name].taken() if name in works else None


def markdown_table(results: dict[str, dict[str, Measurement]]) -> str:
    """One row for each set and engine."""
    lines = [
        "| pictures | engine | word F1 | precision | recall | character error | time | of November "
        "| detector, thousand px | share | recogniser, thousand px | share |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for set_name, measurements in results.items():
        for engine, measured in measurements.items():
            score = measured.score
            times = " | ".join(_multiple(measured, measurements.get(yardstick)) for yardstick in (PLAIN, NOVEMBER))
            failed = f" ({measured.n_failed} failed)" if measured.n_failed else ""
            lines.append(
                f"| {set_name} ({measured.n_pictures}) | {engine}{failed} | {score.word_f1:.3f} "
                f"| {score.precision:.3f} | {score.recall:.3f} | {score.character_error:.3f} | {times} "
                f"| {_work_cells(measured)} |"
            )
    return "\n".join(lines)


def _multiple(measured: Measurement, yardstick: Measurement | None) -> str:
    return f"{measured.seconds / yardstick.seconds:.2f}x" if yardstick and yardstick.seconds else ""


def _work_cells(measured: Measurement) -> str:
    if measured.work is None:
        return " | | | "
    cells = (_network_cells(network, measured) for network in (measured.work.detector, measured.work.recogniser))
    return " | ".join(cells)


def _network_cells(network: NetworkWork, measured: Measurement) -> str:
    pixels = network.n_pixels / 1000 / max(1, measured.n_pictures)
    return f"{pixels:.0f} | {network.seconds / (measured.seconds or 1.0):.0%}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds imgflip/ and multioff/")
    parser.add_argument("--n", type=int, default=60, help="rendered memes (default: 60)")
    parser.add_argument("--n-multioff", type=int, default=150, help="MultiOFF pictures at most (default: all)")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="test")
    parser.add_argument("--seed", type=int, default=7, help="of the rendered memes (default: 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="show rendered memes in so much of their size")
    parser.add_argument(
        "--engines",
        nargs="+",
        default=["rapidocr", "tesseract"],
        help="tesseract; rapidocr, its networks run as `auto` has them on this processor, or rapidocr:onnxruntime, "
        "rapidocr:openvino (default: rapidocr tesseract)",
    )
    parser.add_argument(
        "--warm",
        action="store_true",
        help="do not count a first reading of each picture: OpenVINO prepares itself for each new size, once",
    )
    parser.add_argument("--no-plain", action="store_true", help=f"leave out {PLAIN}")
    parser.add_argument("--threads", type=int, default=None, help="threads that one read may use")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    arguments = _arguments(argv)
    november = NovemberRapidOcr(threads=arguments.threads)
    engines = [_engine(name, arguments.threads) for name in arguments.engines]
    readers = {} if arguments.no_plain else {PLAIN: plain_reader()}
    readers[NOVEMBER] = engine_reader(november)
    readers |= {_row_name(engine): engine_reader(engine) for engine in engines}
    works = {NOVEMBER: november.work}
    works |= {_row_name(engine): engine.work for engine in engines if isinstance(engine, CountedRapidOcr)}
    data: Path = arguments.data
    sets = {
        "rendered": rendered_memes(data / "imgflip", arguments.n, arguments.seed, arguments.scale),
        f"MultiOFF {arguments.split}": multioff_memes(data / "multioff", arguments.split, arguments.n_multioff),
    }
    results = {name: measure(memes, readers, works, warm=arguments.warm) for name, memes in sets.items()}
    print(markdown_table(results))
    if arguments.out:
        _write_report(arguments.out, results, {"seed": arguments.seed, "python": sys.version.split()[0]})


def _engine(name: str, threads: int | None) -> OcrEngine:
    kind, _, network_engine = name.partition(":")
    if kind != "rapidocr":
        return make_engine(name, threads=threads)
    asked = cast(EngineChoice, network_engine or "auto")
    return CountedRapidOcr(threads=threads, network_engine=choose(asked).engines.ocr or "onnxruntime")


def _row_name(engine: OcrEngine) -> str:
    by = f" on {engine.network_engine}" if isinstance(engine, CountedRapidOcr) else ""
    return f"{engine.name} {engine.version}{by}"


def _write_report(path: Path, results: dict[str, dict[str, Measurement]], run: dict[str, Any]) -> None:
    figures = {name: {engine: m.summary() for engine, m in engines.items()} for name, engines in results.items()}
    path.write_text(json.dumps({"run": run, "results": figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
