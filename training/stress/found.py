"""Cases that a stress test found, in the layout that training reads: ``data.train: [DIR/found]``."""

from pathlib import Path
from typing import Any

from model.atomic import write_atomically
from model.picture.containers.sniff import format_of
from training.stress.journal import JsonLines
from training.stress.relations.base import Variant

_TABLE, _PICTURES = "train.jsonl", "img"


class FoundCases:
    """A folder of memes with their right labels; each is written once, whole, when it is found."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = JsonLines(folder / _TABLE)
        self._ids = {row["id"] for row in self._lines.rows}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, in the order in which they were found."""
        return self._lines.rows

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, variant: Variant, digest: str) -> None:
        """Keep a variant that was judged otherwise than its label; ``text`` are the post's words, where it has any."""
        if digest in self._ids:
            return
        row: dict[str, Any] = {"id": digest, "label": int(variant.hateful)}
        if variant.item.picture is not None:
            name = f"{_PICTURES}/{digest}.{(format_of(variant.item.picture) or 'png').lower()}"
            write_atomically(self._folder / name, variant.item.picture)
            row["image"] = name
        if variant.item.text is not None:
            row["text"] = variant.item.text
        self._lines.append({**row, "relation": variant.relation, "strength": variant.strength, "seed": variant.seed_id})
        self._ids.add(digest)

    def close(self) -> None:
        """Close the table."""
        self._lines.close()
