"""Labels of memes, as a command and as a table of labelled memes give them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from model import Meme, Scorer
from model.taxonomy import TASKS
from serving.known.memory.store import RememberError
from serving.ledger.feedback_labels import checked_labels
from serving.ledger.queries import Label
from serving.problems import ProblemError

#: Columns of tables that are commonly found.
_IMAGE_COLUMNS, _LABEL_OF = ("image", "img"), {"label": "hateful"}


def parse_labels(given: Iterable[str]) -> dict[str, Label]:
    """``hateful=hateful`` and so on; raises ``RememberError`` for what is no label."""
    labels: dict[str, Label] = {}
    for one in given:
        task, _, name = one.partition("=")
        labels |= _checked({task: name})
    return labels


def _checked(labels: dict[str, Label]) -> dict[str, Label]:
    try:
        return checked_labels(labels)
    except ProblemError as error:
        raise RememberError(error.detail) from error


def labelled_memes(table: Path, scorer: Scorer) -> Iterator[tuple[Meme, dict[str, Label]]]:
    """Memes of a JSON Lines file whose rows name a picture, words or both, and labels by task.

    ``memeguard ledger export`` writes such a file. A class may be written by its name or, of a yes/no task, as 0 or 1;
    ``label`` is that of ``hateful``. Pictures lie beside the file. Rows without labels are left out. Raises
    ``RememberError`` for a line that is no row, ``MemeError`` for a picture that is refused.
    """
    for number, line in enumerate(_lines(table), start=1):
        try:
            row = json.loads(line)
            labels = _checked(_labels_of(row))
        except (ValueError, AttributeError, RememberError) as error:
            raise RememberError(f"{table}, line {number}: no row of a labelled meme ({error})") from error
        if labels:
            yield _meme(table.parent, row, scorer), labels


def _lines(table: Path) -> list[str]:
    try:
        return [line for line in table.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise RememberError(f"{table}: it cannot be read as JSON Lines ({error})") from error


def _labels_of(row: Mapping[str, Any]) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    for column, value in row.items():
        name = _LABEL_OF.get(column, column)
        if name in TASKS and value is not None:
            labels[name] = TASKS[name].classes[value] if value in (0, 1) and TASKS[name].kind == "binary" else value
    return labels


def _meme(folder: Path, row: Mapping[str, Any], scorer: Scorer) -> Meme:
    picture = next((row[name] for name in _IMAGE_COLUMNS if row.get(name)), None)
    text = row.get("text")
    if picture is None:
        return Meme.from_text(text or "", limits=scorer.limits)
    return Meme.from_file(folder / picture, text=text, limits=scorer.limits)
