"""Memotion 7k (SemEval-2020 task 8, Sharma et al. 2020): tasks A, B and C, and the released test files.

``labels.csv`` (its first column, an index, has no name) beside ``images/`` is the split train; 2000_testdata.csv with
``Meme_groundTruth .csv`` (some copies have the space) and ``2000_data/`` is test. There is no official validation
split. Rows are joined by picture name, never by their place. The text is the corrected one, else the one read by
machine, else empty: to be read from the picture. Some pictures are corrupt: ``training.datasets.readable`` finds them.

Task A is sentiment in three classes (very negative counts as negative); B asks whether at all: humour, sarcasm,
offensive, motivational; C asks how much. A test label is "-1_1110_2110": sentiment, four answers of B, four of C.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from model.taxonomy import TASKS
from training.datasets.base import DatasetError, Labels, Loaded, Sample, Skipped, label_of
from training.datasets.pictures import RowPictures
from training.datasets.shown import shown
from training.datasets.tables import Row, RowProblem, header_of, load_rows, picture_of, read_csv

T = TypeVar("T")

_TRAIN, _TEST, _TEST_PICTURES = "labels.csv", "2000_testdata.csv", "2000_data"
_TRUTH_STEM = "meme_groundtruth"
_COLUMNS = ("image_name", "humour", "sarcasm", "offensive", "motivational", "overall_sentiment")
_QUESTIONS = ("humour", "sarcasm", "offensive", "motivational")
_SENTIMENTS = {
    "very_negative": "negative",
    "negative": "negative",
    "neutral": "neutral",
    "positive": "positive",
    "very_positive": "positive",
}
_TEST_SENTIMENTS = {"-1": "negative", "0": "neutral", "1": "positive"}
#: The last question, motivational, has two levels; the others have four.
_TEST_LABEL = re.compile(r"(-1|0|1)_([01]{4})_([0-3]{3}[01])")


def splits_of_memotion(root: Path) -> tuple[str, ...]:
    """``train`` and ``test``, as far as their tables lie in ``root`` or up to two folders below."""
    found = {"train": _located(root, _TRAIN), "test": _located(root, _TEST)}
    return tuple(split for split, path in found.items() if path is not None)


def is_memotion(root: Path) -> bool:
    """Whether one of the tables is there, with its columns."""
    labels = _located(root, _TRAIN)
    return _located(root, _TEST) is not None or (labels is not None and set(_COLUMNS) <= set(header_of(labels)))


def read_memotion7k(root: Path, split: str, *, dataset: str = "memotion7k") -> Loaded:
    """Samples of "train" or "test"; a test picture without a truth is unlabelled.

    Raises ``DatasetError`` when the table is missing or has other columns.
    """
    if split not in ("train", "test"):
        raise DatasetError(f"Memotion 7k has no official split {split!r}, only train and test; split train by groups")
    name = _TRAIN if split == "train" else _TEST
    path = _located(root, name)
    if path is None:
        raise DatasetError(f"{root / name} is missing; see data_cards/ for the layout that this dataset has on disk")
    return _read_train(path, dataset) if split == "train" else _read_test(root, path, dataset)


def _read_train(path: Path, dataset: str) -> Loaded:
    table = read_csv(path).nonempty().require(*_COLUMNS)
    pictures = RowPictures(path.parent / "images", path.parent)
    texts = ("text_corrected", "text_ocr")
    return load_rows(
        table, lambda row: _sample(row, "image_name", texts, pictures, _train_labels(row), "train", dataset), pictures
    )


def _train_labels(row: Row) -> Labels:
    """Tasks A, B and C of a row; a blank cell is not labelled."""
    labels: Labels = {}
    if sentiment := row.text("overall_sentiment"):
        labels |= label_of("memotion_sentiment", _known(sentiment, _SENTIMENTS, "overall_sentiment"))
    for question in _QUESTIONS:
        if word := row.text(question):
            levels = {name: index for index, name in enumerate(TASKS[f"memotion_{question}_level"].classes)}
            labels |= _answers(question, _known(word, levels, question))
    return labels


def _answers(question: str, level: int) -> Labels:
    """Class 0 of every level says no, the others say yes."""
    return {f"memotion_{question}": int(level > 0), f"memotion_{question}_level": level}


def _known(word: str, known: Mapping[str, T], column: str) -> T:
    if word not in known:
        raise RowProblem(f"{column}: unknown class {shown(word)}; expected one of {', '.join(known)}")
    return known[word]


def _read_test(root: Path, path: Path, dataset: str) -> Loaded:
    table = read_csv(path).nonempty()
    name = table.column("image_name")
    texts = (table.column("corrected_text"), table.column("ocr_extracted_text"))
    truth = _truth(root, path)
    pictures = RowPictures(path.parent / _TEST_PICTURES, root / _TEST_PICTURES, path.parent)
    loaded = load_rows(
        table,
        lambda row: _sample(row, name, texts, pictures, _test_labels(truth.get(row.text(name))), "test", dataset),
        pictures,
    )
    named = {row.text(name) for row in table.rows}
    strangers = [Skipped(str(path), f"{shown(other)} has a truth but no row") for other in truth if other not in named]
    return replace(loaded, skipped=loaded.skipped + strangers)


def _truth(root: Path, test_table: Path) -> dict[str, set[str]]:
    """What the truth file says of each picture; empty when there is no such file."""
    folders = dict.fromkeys((test_table.parent, test_table.parent.parent, root))
    files = (path for folder in folders for path in sorted(folder.glob("*.csv")))
    path = next((path for path in files if path.stem.strip().casefold() == _TRUTH_STEM), None)
    if path is None:
        return {}
    table = read_csv(path).nonempty()
    name, label = table.column("image_name"), table.column("labels")
    truth: dict[str, set[str]] = {}
    for row in table.rows:
        truth.setdefault(row.text(name), set()).add(row.text(label))
    return truth


def _test_labels(truth: set[str] | None) -> Labels:
    """Labels of a string like "-1_1110_2110"; none for a picture without a truth."""
    if truth is None:
        return {}
    if len(truth) > 1:
        raise RowProblem("the truth file has two different labels for this picture")
    (text,) = truth
    match = _TEST_LABEL.fullmatch(text)
    if match is None:
        raise RowProblem(f"the truth {shown(text)} is not of the form -1_1110_2110")
    sentiment, answers, levels = match.groups()
    labels = label_of("memotion_sentiment", _TEST_SENTIMENTS[sentiment])
    for question, answer, level in zip(_QUESTIONS, answers, levels, strict=True):
        labels |= {f"memotion_{question}": int(answer), f"memotion_{question}_level": int(level)}
    return labels


def _sample(
    row: Row, name: str, texts: tuple[str, ...], pictures: RowPictures, labels: Labels, split: str, dataset: str
) -> Sample:
    return Sample(
        id=row.text(name),
        dataset=dataset,
        split=split,
        text=next(filter(None, map(row.text, texts)), ""),
        labels=labels,
        image=picture_of(pictures, row.text(name)),
    )


def _located(root: Path, name: str) -> Path | None:
    """A file in ``root`` or up to two folders below: releases are unpacked into folders of many names."""
    return next((path for pattern in ("", "*/", "*/*/") for path in sorted(root.glob(pattern + name))), None)
