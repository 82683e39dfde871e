"""``memeguard evaluate``: what a bundle is worth on labelled memes, as JSON, Markdown and one HTML file."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from model.bundle import COMPACT_BUNDLE, Bundle, open_bundle
from model.errors import MemeguardError
from model.ocr import ENGINES, make_engine
from training.atomic import write_atomically
from training.datasets import LAYOUTS, DatasetError, Source, load_source, parse_source
from training.evaluation.bootstrap import Estimate
from training.evaluation.groups import ResampleBy
from training.evaluation.labels import parse_as_task
from training.evaluation.markdown import left_out_line, render_markdown
from training.evaluation.report import Evaluation, evaluate_bundle
from training.evaluation.results import Report
from training.evaluation.scoring import FULL, View
from training.evaluation.sets import Options, Other, labelled_set
from training.evaluation.wording import interval_text, metric_title
from training.evaluation.words import WordsFrom

_FOLDER = click.Path(path_type=Path)
_SPLIT = "test"
_SHOWN = ("auroc", "accuracy", "macro_f1")


@click.command()
@click.argument("bundle", type=_FOLDER, default=COMPACT_BUNDLE, required=False)
@click.option("--data", multiple=True, required=True, metavar="PATH[:SPLIT]", help="Labelled memes; may be repeated.")
@click.option("--split", help="Split of a --data that names none; default: test, or the only one.")
@click.option(
    "--layout", type=click.Choice(list(LAYOUTS)), help="Layout of every --data; default: told from its files."
)
@click.option("--label-map", nargs=2, multiple=True, metavar="VALUE TASK=CLASS", help="What a label of your own means.")
@click.option("--limit", type=click.IntRange(1), help="Score that many items of each set, spread evenly.")
@click.option("--tasks", help="Only these tasks of the bundle, separated by commas.")
@click.option(
    "--as-task",
    multiple=True,
    metavar="TASK=LABELS",
    help="Measure a yes/no task on another task's labels, where you hold the two for the same: hateful=offensive.",
)
@click.option(
    "--ocr",
    "words",
    type=click.Choice(get_args(WordsFrom)),
    default="given",
    show_default=True,
    help="Words as the files give them; read from the picture where missing, or always; or both, compared.",
)
@click.option("--engine", type=click.Choice(ENGINES), default="rapidocr", show_default=True, help="OCR engine.")
@click.option("--compare", type=_FOLDER, multiple=True, help="Another bundle, on the same memes, by paired bootstrap.")
@click.option(
    "--bundle-text-only", type=_FOLDER, multiple=True, help="The same, of a bundle that is shown no pictures."
)
@click.option("--out", type=_FOLDER, help="Folder of the report; default: evaluation-NAME-VERSION.")
@click.option("--thumbnails", is_flag=True, help="Show pictures of mistakes in the HTML, blurred until clicked.")
@click.option("--show-texts", is_flag=True, help="Show the words of mistakes in the HTML; they may hold slurs.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the resamples.")
@click.option("--resamples", type=click.IntRange(0), default=1000, show_default=True, help="Bootstrap resamples.")
@click.option(
    "--resample-by",
    type=click.Choice(get_args(ResampleBy)),
    default="item",
    show_default=True,
    help="What a resample draws whole: items, or all items with the same words or the same picture.",
)
@click.option("--cache", type=_FOLDER, help="Folder that keeps image features and OCR readings; training's own fits.")
@click.option("--provider", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Cores to use; default: all.")
def evaluate(bundle: Path, out: Path | None, thumbnails: bool, show_texts: bool, **flags: Any) -> None:
    """Measure BUNDLE (default: the one that ships) on labelled memes, with the code that serves it.

    Writes report.json, report.md and report.html into --out. Pictures and rows that cannot be read are counted and left
    out. Ends with 0 when the report was written, 1 when something stood in its way, 2 for options that do not fit.
    """
    opened = open_bundle(bundle)
    options = _options(opened, flags)
    sets = [labelled_set(str(s), load_source(s), opened, options) for s in _sources(flags)]
    folder = _writable(out or Path(f"evaluation-{opened.manifest.name}-{opened.manifest.version}"))
    found = evaluate_bundle(opened, sets, options, shlex.join(["memeguard", *sys.argv[1:]]))
    _write(found, folder, thumbnails=thumbnails, show_texts=show_texts)
    _print(found.report, folder)


def _sources(flags: dict[str, Any]) -> list[Source]:
    label_map = dict(flags["label_map"]) or None
    layout = flags["layout"] or ("generic" if label_map else None)
    parsed = [_parsed(text, flags["split"], layout) for text in flags["data"]]
    try:
        return [
            Source(path=source.path, split=source.split, layout=layout, label_map=label_map, limit=flags["limit"])
            for source in parsed
        ]
    except ValidationError as error:
        raise DatasetError(f"--label-map: {error.errors()[0]['msg']}") from error


def _parsed(text: str, split: str | None, layout: str | None) -> Source:
    """One --data. A set with one split has that one by default, but not instead of one that was asked for."""
    source = parse_source(text, split or _SPLIT, layout)
    if split is not None and source.path == Path(text) and source.split != split:
        raise DatasetError(f"{text} has no split {split!r}; it has: {source.split}")
    return source


def _options(bundle: Bundle, flags: dict[str, Any]) -> Options:
    only = tuple(name.strip() for name in (flags["tasks"] or "").split(",") if name.strip())
    names = [task.name for task in bundle.tasks]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise click.UsageError(f"--tasks: the bundle has no task {unknown[0]!r}; it has {', '.join(names)}")
    return Options(
        engine=make_engine(flags["engine"], threads=flags["threads"]),
        as_task=parse_as_task(flags["as_task"], bundle.tasks),
        only=only,
        words=flags["words"],
        others=_others(flags),
        resample_by=flags["resample_by"],
        n_resamples=flags["resamples"],
        seed=flags["seed"],
        provider=flags["provider"],
        threads=flags["threads"],
        cache=flags["cache"],
        progress=True,
    )


def _others(flags: dict[str, Any]) -> dict[str, Other]:
    """Other bundles by the name that their column has; two of one name and version are numbered."""
    wanted = [(path, FULL, "") for path in flags["compare"]]
    wanted += [(path, View(image=False), ", text only") for path in flags["bundle_text_only"]]
    others: dict[str, Other] = {}
    for path, view, suffix in wanted:
        bundle = open_bundle(path)
        name = base = f"{bundle.manifest.name} {bundle.manifest.version}{suffix}"
        for number in range(2, len(wanted) + 2):
            if name not in others:
                break
            name = f"{base} ({number})"
        others[name] = Other(bundle, view)
    return others


def _writable(folder: Path) -> Path:
    """The folder, made now: an evaluation that cannot be written is refused before it costs anything."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise MemeguardError(f"--out {folder}: {error.strerror}; give a folder that can be written") from error
    return folder


def _write(found: Evaluation, folder: Path, *, thumbnails: bool, show_texts: bool) -> None:
    from training.evaluation.html import render_html  # noqa: PLC0415 - matplotlib

    page = render_html(found, thumbnails=thumbnails, show_texts=show_texts)
    documents = {
        "report.json": json.dumps(found.report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": render_markdown(found.report),
        "report.html": page,
    }
    for name, content in documents.items():
        write_atomically(folder / name, content.encode("utf-8", "replace"))


def _print(report: Report, folder: Path) -> None:
    """The headline on the terminal; the rest is in the report."""
    table = Table(title=f"{report.bundle.name} {report.bundle.version}")
    for head in ("set", "task", "items", *map(metric_title, _SHOWN)):
        table.add_column(head)
    for result in report.sets:
        for task in result.tasks:
            metrics = task.metrics["full"]
            cells = [_stacked(metrics.get(name)) for name in _SHOWN]
            table.add_row(f"{result.name}, {result.split}", task.title, str(task.n), *cells)
    console = Console()
    console.print(table)
    for result in report.sets:
        if left_out := left_out_line(result):
            console.print(f"{result.name}, {result.split}: left out {left_out}", markup=False)
    console.print(f"Report: {folder / 'report.html'}", markup=False, soft_wrap=True)


def _stacked(found: Estimate | None) -> str:
    """A value above its interval, which a narrow terminal has room for."""
    return "" if found is None else interval_text(found).replace(" (", "\n(", 1)
