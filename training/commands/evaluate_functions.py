"""``memeguard evaluate --functions`` behind its flags: the functional test scored and written."""

import json
from pathlib import Path

from rich.console import Console

from model.atomic import write_atomically
from model.bundle import open_bundle
from model.engine import EngineChoice
from model.ocr import make_engine
from training.commands.options import writable
from training.evaluation.options import Setup
from training.functions.measure import run_functional_test
from training.functions.report import in_short, render_html, render_markdown
from training.functions.templates import read_functional_test


def run_functions(
    bundle: Path,
    out: Path | None,
    engine: EngineChoice | None,
    threads: int | None,
    cache: Path | None,
    command: str,
) -> None:
    """Score the cases with the words given, and write functions.json, functions.md and functions.html."""
    opened = open_bundle(bundle)
    folder = writable(out or Path(f"evaluation-{opened.manifest.name}-{opened.manifest.version}"))
    setup = Setup(make_engine("none"), inference=engine or "auto", threads=threads, cache=cache, progress=True)
    report = run_functional_test(opened, read_functional_test(), setup, command)
    documents = {
        "functions.json": json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n",
        "functions.md": render_markdown(report),
        "functions.html": render_html(report),
    }
    for name, content in documents.items():
        write_atomically(folder / name, content.encode())
    console = Console()
    console.print(in_short(report), markup=False, soft_wrap=True)
    console.print(f"Report: {folder / 'functions.html'}", markup=False, soft_wrap=True)
