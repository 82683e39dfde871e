"""Labelled posts of social media: implicit hate (ElSherief et al. 2021) and EDOS (SemEval-2023 task 10).

Each reader takes the folder or the file itself, and ``label_map`` for other meanings of the file's own labels.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from training.datasets.base import Loaded, Sample
from training.datasets.label_map import labels_of_value, meanings
from training.datasets.shown import shown
from training.datasets.split_files import file_of_split, files_there, split_of
from training.datasets.tables import Row, RowProblem, load_rows, of_split, read_csv
from training.datasets.text_key import split_of_key, text_key

_SPLITS = ("train", "dev", "test")
_IMPLICIT_HATE = dict.fromkeys(_SPLITS, "implicit_hate.csv")
_EDOS = dict.fromkeys(_SPLITS, "edos.csv")
IMPLICIT_HATE_LABELS = {
    "not_hate": "hateful=not_hateful",
    "implicit_hate": "hateful=hateful",
    "explicit_hate": "hateful=hateful",
}
EDOS_LABELS = {"not sexist": "hateful=not_hateful", "sexist": "hateful=hateful, target=sex_or_gender"}
_QUOTES = re.compile(r'"(?:\s*")+')
_REMAINS_BEFORE = re.compile(r'^(?:rt\b|["\s:|])+')
_REMAINS_AFTER = re.compile(r'["\s:|]+$')
_BLANK_BEFORE = re.compile(r"\s+([.,!?;:])")
#: Words that HateCheck, a test, has too, as `memeguard data check --against` found them: the first digits of SHA-256.
_OF_HATECHECK = frozenset({"84daa6715884fba6", "8b906a105108ecaf"})
_MARKS = re.compile(r"\[(?:USER|URL)\]")


def splits_of_implicit_hate(root: Path) -> tuple[str, ...]:
    """``train``, ``dev`` and ``test`` where the file is there."""
    return tuple(files_there(root, _IMPLICIT_HATE))


def splits_of_edos(root: Path) -> tuple[str, ...]:
    """``train``, ``dev`` and ``test`` where the file is there."""
    return tuple(files_there(root, _EDOS))


def read_implicit_hate(
    root: Path, split: str, *, dataset: str = "implicit_hate", label_map: Mapping[str, str] | None = None
) -> Loaded:
    """``implicit_hate.csv``. It has no official split: a tenth of the texts each is ``dev`` and ``test``, by words."""
    path = file_of_split(files_there(root, _IMPLICIT_HATE), split, root / "implicit_hate.csv")
    table = read_csv(path).nonempty().require("id", "text", "label")
    mapped = meanings(IMPLICIT_HATE_LABELS, label_map)

    def parse(row: Row) -> Sample:
        text = _trainable(without_scraping_remains(row.text("text")))
        return Sample(row.text("id"), dataset, split, text, labels_of_value(row.text("label"), mapped))

    def place(row: Row) -> str:
        return split_of_key(text_key(without_scraping_remains(row.text("text"))))

    return load_rows(of_split(table, split, place), parse)


def read_edos(root: Path, split: str, *, dataset: str = "edos", label_map: Mapping[str, str] | None = None) -> Loaded:
    """``edos.csv`` with its own splits. A post that is not sexist may still be hateful to others (see the card)."""
    path = file_of_split(files_there(root, _EDOS), split, root / "edos.csv")
    table = read_csv(path).nonempty().require("id", "text", "label", "split")
    mapped = meanings(EDOS_LABELS, label_map)

    def parse(row: Row) -> Sample:
        if split_of(row.text("split")) not in _SPLITS:
            raise RowProblem(f"split {shown(row.text('split'))} is unknown; expected train, dev or test")
        text = _trainable(without_marks(row.text("text")))
        return Sample(row.text("id"), dataset, split, text, labels_of_value(row.text("label"), mapped))

    def place(row: Row) -> str:
        named = split_of(row.text("split"))
        return named if named in _SPLITS else "train"

    return load_rows(of_split(table, split, place), parse)


def without_scraping_remains(text: str) -> str:
    """A text without what scraping left: runs of quotes, quotes and "rt" at its ends, blanks before punctuation.

    What is nothing but such remains is left as it is.
    """
    whole = _BLANK_BEFORE.sub(r"\1", " ".join(_QUOTES.sub('"', text).split()))
    bare = _REMAINS_AFTER.sub("", _REMAINS_BEFORE.sub("", whole))
    return bare or whole


def without_marks(text: str) -> str:
    """A text without the marks that stand for names and addresses, which nobody writes: [USER] and [URL]."""
    return " ".join(_MARKS.sub(" ", text).split())


def _trainable(text: str) -> str:
    """The text itself; raises ``RowProblem`` for a sentence of HateCheck, which must not be trained on."""
    if hashlib.sha256(text_key(text).encode("utf-8", "backslashreplace")).hexdigest()[:16] in _OF_HATECHECK:
        raise RowProblem("its words are a test of HateCheck")
    return text
