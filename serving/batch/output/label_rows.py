"""Rows for people to label, in the layout that training reads: a JSON Lines file beside ``img/``."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import Failure, MemeError
from model.atomic import write_atomically
from model.files.picture_names import SUFFIX_OF
from serving.batch.input.image_loader import ImageLoader
from serving.batch.input.items import Item


@dataclass(frozen=True)
class ToLabel:
    """An item that was chosen, and why. ``text``: the words that were judged; None: they were not kept."""

    id: str
    why: str
    decision: str
    text: str | None
    tasks: tuple[str, ...]


class _GoneError(Exception):
    """A picture that was judged and is no longer there, or no longer a picture."""


def rows_to_label(
    items: Iterable[Item], chosen: Mapping[str, ToLabel], images: ImageLoader, folder: Path
) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """A row by id for each chosen item, with its picture copied into ``folder``; and the ids of those that are gone."""
    lines: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for item in items:
        one = chosen.get(item.id or "")
        if one is not None:
            try:
                lines[one.id] = _row(one, item, images, folder)
            except (_GoneError, MemeError):
                gone.add(one.id)
    return lines, gone


def write_rows_to_label(path: Path, lines: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the rows, beside their pictures."""
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines.values())
    write_atomically(path, content.encode())


def _row(chosen: ToLabel, item: Item, images: ImageLoader, folder: Path) -> dict[str, Any]:
    """One row to label; the picture is copied, so that the folder can be handed on.

    Raises ``_GoneError`` or ``MemeError`` when the picture cannot be read any more.
    """
    line: dict[str, Any] = {"id": chosen.id}
    if item.image is not None:
        item = images.resolve(item).item
        meme = images.meme(item)
        if isinstance(meme, Failure) or item.image is None:
            raise _GoneError
        line["img"] = f"img/{hashlib.sha256(chosen.id.encode()).hexdigest()[:20]}{SUFFIX_OF[meme.source_format]}"
        write_atomically(folder / line["img"], images.read(item.image))
    text = chosen.text if chosen.text is not None else item.text or ""
    return line | {"text": text, "why": chosen.why, "decision": chosen.decision, **dict.fromkeys(chosen.tasks)}
