"""Records of ``benchmarks.explanations``: a JSON line for each meme, so that a run can go on where one was stopped."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.explanation_methods import Curve
from benchmarks.explanation_subjects import Measured


def read(path: Path | None) -> list[Measured]:
    """What was measured; none without a file."""
    if path is None or not path.exists():
        return []
    return [_measured(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def add(path: Path | None, found: Measured) -> None:
    """Append one, where there is a file."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(found)) + "\n")


def _measured(plain: dict[str, Any]) -> Measured:
    curves = {kind: {name: Curve(**one) for name, one in plain[kind].items()} for kind in ("words", "regions")}
    return Measured(**plain | curves)
