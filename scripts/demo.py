"""Serve the compact bundle, classify one meme over HTTP and print the verdict. Run by ``make demo``."""

import base64
import io
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from training.data.meme_renderer import render_meme

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/ is in no wheel
from benchmarks.server_process import free_port, python_server

WORDS = ("when the code works", "on the first try")
console = Console()


def main() -> int:
    """Exit status 0 when a verdict came back."""
    port = free_port()
    console.print(f"[bold]1.[/] starting the server: memeguard serve --port {port}")
    command = ["-m", "serving.cli", "serve", "--port", str(port)]
    environ = os.environ | {"MEMEGUARD_LEDGER_URL": "none"}  # a try leaves nothing behind
    with (
        tempfile.TemporaryDirectory() as folder,
        python_server(command, port, Path(folder) / "server.log", environ) as server,
    ):
        readiness = _get(f"{server.address}/readyz")
        console.print(f"   ready: model {readiness['model']['name']} {readiness['model']['version']}, ", end="")
        console.print(f"OCR {readiness['ocr_engine']} {readiness['ocr_version']}, {readiness['providers'][0]}")
        console.print(f"[bold]2.[/] drawing a meme that says {' / '.join(WORDS)!r} and posting it to /v1/classify")
        picture = base64.b64encode(sample_meme()).decode()
        verdict = _post(f"{server.address}/v1/classify", {"image": picture, "tags": ["programming"]})
        console.print("[bold]3.[/] the verdict")
        _show(verdict)
    console.print("[bold green]demo passed[/]: a running server judged a meme")
    console.print("Next: .venv/bin/memeguard --help, or make test")
    return 0


def sample_meme() -> bytes:
    """A PNG of the meme that is judged; it is drawn, nobody's picture."""
    buffer = io.BytesIO()
    render_meme(None, WORDS, style="classic", rng=np.random.default_rng(3)).image.save(buffer, "PNG")
    return buffer.getvalue()


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own loopback address
        document: dict[str, Any] = json.load(answer)
    return document


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        document: dict[str, Any] = json.load(answer)
    return document


def _show(verdict: dict[str, Any]) -> None:
    table = Table(show_header=False)
    table.add_row("decision", f"[bold]{verdict['decision']}[/]")
    table.add_row("why", "; ".join(verdict["policy"]["reasons"]))
    for task, score in verdict["scores"].items():
        table.add_row(f"score: {task}", _in_words(score))
    table.add_row("words read", f"{verdict['text']['content']!r} by {verdict['text']['engine']}")
    table.add_row("model", f"{verdict['model']['name']} {verdict['model']['version']}")
    table.add_row("time", f"{verdict['timings_ms']['total']:.0f} ms")
    console.print(table)


def _in_words(score: float | dict[str, float]) -> str:
    """A score, or the highest of a task that has one for each class."""
    if isinstance(score, float):
        return f"{score:.3f}"
    name = max(score, key=lambda each: score[each])
    return f"{name} {score[name]:.3f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        raise SystemExit(f"demo failed: {error}") from error
