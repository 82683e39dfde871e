"""Serve the compact bundle, classify one meme over HTTP and print the verdict. Run by ``make demo``."""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from training.data.meme_renderer import render_meme

_START_TIMEOUT_S = 120
WORDS = ("when the code works", "on the first try")
console = Console()


def main() -> int:
    """Exit status 0 when a verdict came back."""
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    console.print(f"[bold]1.[/] starting the server: memeguard serve --port {port}")
    server = subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-m", "serving.cli", "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"MEMEGUARD_LEDGER_URL": "none"},  # a try leaves nothing behind
    )
    try:
        readiness = _wait_until_ready(base, server)
        console.print(f"   ready: model {readiness['model']['name']} {readiness['model']['version']}, ", end="")
        console.print(f"OCR {readiness['ocr_engine']} {readiness['ocr_version']}, {readiness['providers'][0]}")
        console.print(f"[bold]2.[/] drawing a meme that says {' / '.join(WORDS)!r} and posting it to /v1/classify")
        picture = base64.b64encode(sample_meme()).decode()
        verdict = _post(f"{base}/v1/classify", {"image": picture, "tags": ["programming"]})
        console.print("[bold]3.[/] the verdict")
        _show(verdict)
    finally:
        server.terminate()
        server.wait(timeout=30)
    console.print("[bold green]demo passed[/]: a running server judged a meme")
    console.print("Next: .venv/bin/memeguard --help, or make test")
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(base: str, server: "subprocess.Popen[bytes]") -> dict[str, Any]:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"demo failed: the server stopped with exit status {server.returncode}")
        try:
            return _get(f"{base}/readyz")
        except urllib.error.HTTPError as error:  # the server answers, and says what is missing
            raise SystemExit(f"demo failed: not ready: {json.load(error)['problems']}") from error
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit(f"demo failed: the server did not answer within {_START_TIMEOUT_S} s")


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
    sys.exit(main())
