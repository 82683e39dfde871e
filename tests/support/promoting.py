"""``memeguard promote`` as one types it, and what it reports."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from model.bundle import Bundle
from serving.cli import main
from training.promotion.store import tag_of


def promote(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["promote", *map(str, arguments)])


def compared(challenger: Bundle, data: Path, *arguments: Any) -> Result:
    # Two small networks that share a busy machine: their speed is another test's.
    options = ("--data", f"{data}:dev", "--resamples", 200, "--threads", 1)
    speed = () if "--max-slowdown" in arguments else ("--max-slowdown", 1000)
    return promote(challenger.path, *options, *speed, *arguments)


def report(challenger: Bundle) -> dict[str, Any]:
    path = Path(f"promotion-{tag_of(challenger).replace(':', '-')}") / "report.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
