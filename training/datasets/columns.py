"""Columns of somebody's own table: which is what. The names below are the whole list; ``data_cards/generic.md`` has it.

Names are compared without case, and with blanks and hyphens as underscores: "Text Transcription" is text_transcription.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from model.taxonomy import TASKS

ID = ("id", "image_id", "img_id", "meme_id", "sample_id")
#: They name pictures only when they hold picture names.
WEAK_IMAGE = ("file", "path", "picture", "name")
IMAGE = (
    "image", "img", "image_path", "img_path", "image_name", "img_name", "image_file", "file_name", "filename",
    *WEAK_IMAGE,
)  # fmt: skip
#: Text that a person wrote or corrected comes before what a machine read.
TEXT = (
    "text", "text_corrected", "corrected_text", "sentence", "text_transcription", "transcription", "meme_text",
    "overlaid_text", "caption_text", "tweet_text", "ocr_text", "text_ocr", "ocr_extracted_text", "ocr",
)  # fmt: skip
TAGS = ("tags", "hashtags", "entities")
CAPTION = ("caption", "image_caption", "img_caption")
SPLIT = ("split", "set_name", "partition", "subset")
LABEL = ("label", "labels", "gold_label", "label_gold", "class", "class_label")
#: Beside the tasks' own names.
TASK_COLUMNS = {
    "hate": "hateful",
    "is_hate": "hateful",
    "is_hateful": "hateful",
    "hate_speech": "hateful",
    "is_offensive": "offensive",
}


@dataclass(frozen=True)
class Columns:
    """The columns of one table by their meaning; ``tasks`` holds (column, task), ``others`` what has no meaning."""

    id: str | None
    image: str | None
    texts: tuple[str, ...]
    tags: str | None
    caption: str | None
    split: str | None
    label: str | None
    tasks: tuple[tuple[str, str], ...]
    others: tuple[str, ...]

    @property
    def hold_memes(self) -> bool:
        """Whether a picture or words can be had from the table, without which it is something else."""
        return self.image is not None or bool(self.texts)


def normalised(name: str) -> str:
    """A column's or class's name as it is compared."""
    return re.sub(r"[\s\-]+", "_", name.strip().casefold())


def columns_of(names: Iterable[str], *, other_tasks: Iterable[str] = ()) -> Columns:
    """Give each column its meaning; of several names for one thing the first in the lists above is taken.

    ``other_tasks`` are tasks whose column holds something else.
    """
    by_name = {normalised(name): name for name in reversed(list(names))}
    tasks = {name: name for name in TASKS if name not in set(other_tasks)} | TASK_COLUMNS
    found = {
        "id": _first(by_name, ID),
        "image": _first(by_name, IMAGE),
        "tags": _first(by_name, TAGS),
        "caption": _first(by_name, CAPTION),
        "split": _first(by_name, SPLIT),
        "label": _first(by_name, LABEL),
    }
    texts = tuple(by_name[name] for name in TEXT if name in by_name)
    task_columns = tuple((by_name[name], task) for name, task in tasks.items() if name in by_name)
    used = {*found.values(), *texts, *(column for column, _ in task_columns)}
    others = tuple(column for column in reversed(by_name.values()) if column not in used)
    return Columns(**found, texts=texts, tasks=task_columns, others=others)


def _first(by_name: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((by_name[name] for name in names if name in by_name), None)
