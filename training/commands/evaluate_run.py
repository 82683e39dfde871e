"""``memeguard evaluate`` behind its flags: bundles and sets opened, measured, written."""

import json
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from model.atomic import write_atomically
from model.bundle import Bundle, open_bundle
from training.commands.options import DataOptions, SetupOptions, writable
from training.datasets import load_source
from training.evaluation.evaluate import Evaluation, evaluate_bundle
from training.evaluation.evaluate_set import LabelledSet, Options, Other, labelled_set
from training.evaluation.groups import ResampleBy
from training.evaluation.labels import parse_as_task
from training.evaluation.report.html import render_html
from training.evaluation.report.markdown import render_markdown
from training.evaluation.report.terminal import print_report
from training.evaluation.scoring import FULL, View


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(DataOptions, SetupOptions):
    """What ``memeguard evaluate`` was asked for; its ``--help`` says what each means."""

    bundle: Path
    tasks: str | None
    as_task: tuple[str, ...]
    compare: tuple[Path, ...]
    bundle_text_only: tuple[Path, ...]
    out: Path | None
    thumbnails: bool
    show_texts: bool
    resample_by: ResampleBy


def run(asked: EvaluateOptions, command: str) -> None:
    """Measure the bundle and write the report; ``command`` stands in it."""
    bundle = open_bundle(asked.bundle)
    options = Options(asked.setup(), _others(asked), asked.resample_by)
    sets = _sets(bundle, asked)
    folder = writable(asked.out or Path(f"evaluation-{bundle.manifest.name}-{bundle.manifest.version}"))
    found = evaluate_bundle(bundle, sets, options, command)
    _write(found, folder, thumbnails=asked.thumbnails, show_texts=asked.show_texts)
    console = Console()
    print_report(found.report, console)
    console.print(f"Report: {folder / 'report.html'}", markup=False, soft_wrap=True)


def _sets(bundle: Bundle, asked: EvaluateOptions) -> list[LabelledSet]:
    only = tuple(name.strip() for name in (asked.tasks or "").split(",") if name.strip())
    names = [task.name for task in bundle.tasks]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise click.UsageError(f"--tasks: the bundle has no task {unknown[0]!r}; it has {', '.join(names)}")
    as_task = parse_as_task(asked.as_task, bundle.tasks)
    return [labelled_set(str(s), load_source(s), bundle.tasks, as_task, only) for s in asked.sources("test")]


def _others(asked: EvaluateOptions) -> dict[str, Other]:
    """Other bundles by the name that their column has; two of one name and version are numbered."""
    wanted = [(path, FULL, "") for path in asked.compare]
    wanted += [(path, View(image=False), ", text only") for path in asked.bundle_text_only]
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


def _write(found: Evaluation, folder: Path, *, thumbnails: bool, show_texts: bool) -> None:
    page = render_html(found, thumbnails=thumbnails, show_texts=show_texts)
    documents = {
        "report.json": json.dumps(found.report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": render_markdown(found.report),
        "report.html": page,
    }
    for name, content in documents.items():
        write_atomically(folder / name, content.encode("utf-8", "replace"))
