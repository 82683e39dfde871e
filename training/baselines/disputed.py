"""Samples whose label a model of the words doubts most: confident learning (Northcutt et al. 2021), pruning by class.

The model is a logistic regression on TF-IDF of words and letters. What it says of a sample comes from the folds that
the sample's words are not in.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from model.atomic import write_atomically
from model.meme import has_words
from model.taxonomy import TASKS
from training.baselines.tfidf import TextVectors
from training.datasets.base import ABSENT, DatasetError, Sample
from training.datasets.label_map import class_target
from training.datasets.text_key import text_key

_N_FOLDS = 5
#: Doubts that differ by less are equal, and the first sample goes first: another machine may sum in another order.
_DIGITS = 6
#: Part of a cached result's name, for a model that is changed.
_VERSION = 1


def disputed(samples: Sequence[Sample], shares: Mapping[str, float], cache: Path) -> dict[str, list[int]]:
    """For each class of ``shares`` ("task=class") the places of that share of its samples, the most doubted ones.

    Samples without words are neither doubted nor counted. The doubts are kept below ``cache``.
    Raises ``DatasetError`` when a task has too few texts of a class to be learnt from.
    """
    tasks = {class_target(name)[0] for name in shares}
    doubts = {task: _cached_doubts(samples, task, cache) for task in sorted(tasks)}
    found = {}
    for name, share in shares.items():
        task, class_name = class_target(name)
        wanted = TASKS[task].classes.index(class_name)
        rows = [row for row in _judged(samples, task) if samples[row].labels[task] == wanted]
        rows.sort(key=lambda row: (-doubts[task][row], row))
        found[name] = sorted(rows[: round(share * len(rows))])
    return found


def label_doubts(samples: Sequence[Sample], task: str) -> NDArray[np.float64]:
    """[N]: how improbable the label of ``task`` is by the words, out of fold; NaN for a sample that is not judged."""
    rows = _judged(samples, task)
    judged = [samples[row] for row in rows]
    labels = np.array([sample.labels[task] for sample in judged], dtype=np.int64)
    keys = np.array([text_key(sample.text) for sample in judged])
    _check_enough(task, labels, keys)
    vectors, of_label = TextVectors(judged)(judged), np.zeros(len(rows))
    for train, held_out in StratifiedGroupKFold(_N_FOLDS).split(keys, labels, keys):
        model = LogisticRegression(max_iter=1000).fit(vectors[train], labels[train])
        columns = np.searchsorted(model.classes_, labels[held_out])
        of_label[held_out] = model.predict_proba(vectors[held_out])[np.arange(len(held_out)), columns]
    doubts = np.full(len(samples), np.nan)
    doubts[rows] = np.round(1 - of_label, _DIGITS)
    return doubts


def _cached_doubts(samples: Sequence[Sample], task: str, cache: Path) -> NDArray[np.float64]:
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(repr((sample.text, sample.labels.get(task, ABSENT))).encode("utf-8", "backslashreplace"))
    path = cache / f"{task}-{_VERSION}-{digest.hexdigest()}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(label_doubts(samples, task).tolist()).encode())
    return np.array(json.loads(path.read_bytes()), dtype=np.float64)


def _judged(samples: Sequence[Sample], task: str) -> list[int]:
    """Places of the samples that have words, and a label of the task."""
    return [row for row, sample in enumerate(samples) if task in sample.labels and has_words(sample.text)]


def _check_enough(task: str, labels: NDArray[np.int64], keys: NDArray[np.str_]) -> None:
    classes = TASKS[task].classes
    counts = {classes[index]: len(set(keys[labels == index])) for index in np.unique(labels)}
    if len(counts) < 2 or min(counts.values()) < _N_FOLDS:
        found = ", ".join(f"{n} of {name}" for name, n in counts.items()) or "none"
        raise DatasetError(
            f"drop_disputed: to doubt labels of {task} takes {_N_FOLDS} different texts of two classes and more, and "
            f"there are {found}; leave it out"
        )
