"""Table of speed: this checkout beside what a user would build instead, and beside itself in November.

    taskset -c 0,1 python -m benchmarks.speed --out docs/speed.json --page docs/speed.md --plot docs/speed.svg

One run, and nothing else on its two cores. The sides take turns in every round, so that a machine whose speed changes
changes it for all, and a ratio is the median of the rounds' ratios:

- FastAPI with CLIP B/16 in torch and pytesseract, and with RapidOCR (``throughput/usual_server.py``);
- Memeguard at commit 2415e3c, taken from this checkout's history, with the bundle that it shipped;
- Memeguard now, served and as a library. Settings in the environment (``MEMEGUARD_ENGINE``) hold for it alone.

Each judges rendered memes of 600 x 450 pixels with their words supplied, the same memes with words that OCR reads, and
pictures without words. A side with one process has one core and one thread, one with two has two; the callers are on
the same two cores. Four callers for each process give the memes a second and the CPU time of a meme, one caller the
time of a request on an idle server. With ``--pictures FOLDER`` the memes are a folder's own. ``--from FILE.json``
measures nothing and writes table and drawing of an earlier run.
"""

import argparse
import os
import tempfile
from itertools import islice
from pathlib import Path

from benchmarks import batch
from benchmarks.batch_memes import draw as draw_memes
from benchmarks.batch_memes import words_of
from benchmarks.pages import write_section
from benchmarks.server_process import end_with_servers
from benchmarks.serving import Sample, meme_samples, textless_samples
from benchmarks.throughput.document import Document, Kind, this_machine
from benchmarks.throughput.report import draw, render
from benchmarks.throughput.rounds import Plan, measure_repeats, measure_sides
from benchmarks.throughput.sides import TITLES, Samples, Starter, november_checkout
from benchmarks.throughput.usual_server import RANDOM_WEIGHTS

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def main(argv: list[str] | None = None) -> None:
    """Measure, or read what was measured, and write what was asked for."""
    arguments = _arguments(argv)
    found = Document.read(arguments.read) if arguments.read else _measure(arguments)
    if arguments.out is not None:
        found.save(arguments.out)
    if arguments.plot is not None:
        draw(found, arguments.plot)
    if arguments.page is not None:
        write_section(arguments.page, "speed", _with_drawing(render(found), arguments))
    print(render(found))


def _with_drawing(table: str, arguments: argparse.Namespace) -> str:
    """The page shows the drawing, where one was made."""
    if arguments.plot is None:
        return table
    link = os.path.relpath(arguments.plot, arguments.page.parent)
    return f"{table}\n![Memes a second on one core, by side]({link})\n"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each side and kind of meme in each round")
    parser.add_argument("--starts", type=int, default=3, help="of each server, for its time from start to ready")
    parser.add_argument("--memes", type=int, default=64, help="different ones")
    parser.add_argument("--batch-items", type=int, default=80, help="of each run of memeguard batch; 0: none")
    parser.add_argument("--sides", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--pictures", type=Path, help="folder of memes; default: rendered ones")
    parser.add_argument("--november", type=Path, help="a checkout of 2415e3c; default: from this one's history")
    parser.add_argument("--smoke", action="store_true", help="a little of everything, to see that it runs")
    parser.add_argument("--from", dest="read", type=Path, help="an earlier run's JSON: measure nothing")
    parser.add_argument("--out", type=Path, help="numbers as JSON")
    parser.add_argument("--plot", type=Path, help="an SVG file")
    parser.add_argument("--page", type=Path, help="a page whose section `speed` the table is written into")
    given = parser.parse_args(argv)
    if given.smoke:
        small = {"rounds": 1, "seconds": 0.1, "starts": 1, "memes": 4, "batch_items": min(given.batch_items, 24)}
        vars(given).update(small)
    return given


def _measure(arguments: argparse.Namespace) -> Document:
    samples = _samples(arguments)
    plan = Plan(arguments.sides, arguments.rounds, arguments.seconds, arguments.starts)
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        folder, cores = Path(name), sorted(os.sched_getaffinity(0))[:2]
        november = arguments.november or november_checkout(folder)
        starter = Starter(folder, samples, cores, november.resolve(), is_small=arguments.smoke)
        sides = measure_sides(starter, plan)
        repeats, model = measure_repeats(starter, plan)
        workers = _workers(folder, arguments)
    return Document(
        machine=this_machine(),
        rounds=plan.rounds,
        seconds=plan.seconds,
        n_memes=len(samples["ocr"]),
        memes=f"pictures of {arguments.pictures.name}" if arguments.pictures else "rendered memes of 600 x 450 pixels",
        picture_bytes=sum(len(picture) for picture, _ in samples["ocr"]) / len(samples["ocr"]),
        random_weights=RANDOM_WEIGHTS + (", one layer" if arguments.smoke else ""),
        now_model=model,
        sides=sides,
        repeats=repeats,
        batch_per_s=workers,
    )


def _samples(arguments: argparse.Namespace) -> Samples:
    memes = list(meme_samples(arguments.memes) if arguments.pictures is None else _of_folder(arguments))
    of_kind: dict[Kind, list[Sample]] = {"words": memes, "ocr": [(picture, "") for picture, _ in memes]}
    return of_kind | {"textless": list(textless_samples(arguments.memes))}


def _of_folder(arguments: argparse.Namespace) -> list[Sample]:
    """Its first pictures by name; the words that are supplied with them are ours."""
    files = sorted(path for path in arguments.pictures.iterdir() if path.suffix.lower() in _SUFFIXES)
    return [(path.read_bytes(), words_of(number)) for number, path in enumerate(islice(files, arguments.memes))]


def _workers(folder: Path, arguments: argparse.Namespace) -> dict[int, list[float]]:
    """Memes a second that one and two workers of ``memeguard batch`` read and judge, by round."""
    if not arguments.batch_items:
        return {}
    pictures = draw_memes(folder / "pictures", arguments.batch_items)
    rows = batch.item_rows(pictures, arguments.batch_items, words=False)
    found = batch.rates(folder, rows, arguments.rounds, (batch.WORKER_1, batch.WORKERS_2))
    return {1: found[batch.WORKER_1], 2: found[batch.WORKERS_2]}


if __name__ == "__main__":
    end_with_servers()
    main()
