"""Hateful Memes (Kiela et al. 2020) and sets in its layout: ``<split>.jsonl`` beside ``img/``.

A line is ``{"id": "01235", "img": "img/01235.png", "label": 0, "text": "..."}``. Ids keep their leading zeros, so they
are strings. A split without labels (older test files) gives samples with empty ``labels``.
"""

import json
from pathlib import Path
from typing import Any

from training.datasets.base import DatasetError, Sample, existing, hateful


def read_hateful_memes(root: Path, split: str, *, dataset: str = "hateful_memes") -> list[Sample]:
    """Samples of ``root/<split>.jsonl``; ``dataset`` names the set when it only borrows the layout.

    Raises ``DatasetError`` naming the line that is not as expected.
    """
    path = existing(root / f"{split}.jsonl")
    with path.open(encoding="utf-8") as lines:
        return [
            _sample(root, path, number, line, split, dataset) for number, line in enumerate(lines, 1) if line.strip()
        ]


def _sample(root: Path, path: Path, number: int, line: str, split: str, dataset: str) -> Sample:
    try:
        row = _object(json.loads(line))
        label = row.get("label")
        return Sample(
            id=str(row["id"]),
            dataset=dataset,
            split=split,
            text=_string(row, "text"),
            labels={} if label is None else hateful({0: False, 1: True}[label]),
            image=root / _string(row, "img"),
        )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}, line {number}: not a Hateful Memes row ({type(error).__name__}: {error})"
        ) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _string(row: dict[str, Any], key: str) -> str:
    if not isinstance(row[key], str):
        raise TypeError(f"{key} is not a string")
    return str(row[key])
