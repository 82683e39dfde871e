"""Label values of somebody's own table to labels of the taxonomy. What cannot be mapped is said, never guessed."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from model.taxonomy import TASKS, Task
from training.datasets.base import DatasetError, Labels
from training.datasets.columns import Columns, normalised
from training.datasets.label_map import FILE_NAME, targets
from training.datasets.shown import shown
from training.datasets.tables import Row, RowProblem, Table

#: What a column ``label`` may say, letters and digits only: "non-hateful", "Not Hateful" and "noHate" are alike.
_WORDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("0", "nothateful", "nonhateful", "nohate", "nothate", "nonhate"), ("hateful", "not_hateful")),
    **dict.fromkeys(("1", "hateful", "hate"), ("hateful", "hateful")),
    **dict.fromkeys(("notoffensive", "nonoffensive", "nonoffensiv", "inoffensive"), ("offensive", "not_offensive")),
    "offensive": ("offensive", "offensive"),
}
ACCEPTED = "0, 1, hateful, not_hateful, non-hateful, hate, no_hate, noHate, offensive, not_offensive, non-offensive"
_YES_NO = {"0": 0, "no": 0, "false": 0, "1": 1, "yes": 1, "true": 1}
#: A number beyond 0 and 1 in more rows than this is another class, not a slip.
_MAX_STRAY_LABELS = 0.01
_TARGET = TASKS["target"]
_UNLABELLED = ("", "-1", "nan", "none", "null")

Votes = list[tuple[str, int]]


class LabelReader:
    """Labels of rows by the columns of their table and, where it is given, a label map."""

    def __init__(self, columns: Columns, label_map: Mapping[str, str] | None) -> None:
        self._tasks = columns.tasks
        self._label = None if _other_tasks(columns) else columns.label
        self._words, self._columns = _rules(label_map or {}, columns)
        if self._words:
            self._label = columns.label
        elif self._columns:
            self._label = None

    def __call__(self, row: Row) -> Labels:
        """Labels of a row; a blank cell is not labelled. Raises ``RowProblem`` for a value without a meaning."""
        votes: Votes = []
        for column, task in self._tasks:
            if column not in self._columns:
                votes += _task_votes(TASKS[task], column, row.values.get(column))
        for column, rules in self._columns.items():
            votes += self._mapped(row.values.get(column), column, rules)
        if self._label is not None and self._label not in self._columns:
            votes += self._mapped(row.values.get(self._label), self._label, self._words, _WORDS)
        return _counted(votes)

    def of_word(self, word: str) -> Labels:
        """Labels of a class name alone, such as a folder's. Raises ``RowProblem`` for one without a meaning."""
        return _counted(self._mapped(word, "folder", self._words, _WORDS))

    def _mapped(
        self,
        value: Any,
        column: str,
        rules: Mapping[str, dict[str, str]],
        words: Mapping[str, tuple[str, str]] | None = None,
    ) -> Votes:
        votes: Votes = []
        for item in _items(value):
            named = rules.get(item.casefold())
            target = dict([_word(item, column, words or {})]) if named is None else named
            votes += [(task, TASKS[task].classes.index(name)) for task, name in target.items()]
        return votes


def check_labelled(table: Table, columns: Columns, label_map: Mapping[str, str] | None) -> None:
    """Raises ``DatasetError`` when a label would have to be guessed, with the map that would tell.

    That is when only columns of no known name hold 0 and 1 or the values of the map, and when the label column holds
    more numbers than those.
    """
    if _other_tasks(columns) or label_map == {} or (columns.tasks and columns.label is None):
        return
    words, by_column = _rules(label_map or {}, columns)
    if by_column or (words and columns.label is not None):
        return
    if columns.label is not None:
        _check_binary(table, columns.label)
        return
    _check_heard(table, columns, words)
    binary = [column for column in columns.others if all(_is_yes_no(row.text(column)) for row in table.rows)]
    if binary:
        raise DatasetError(
            f"{table.path}: no column is named label, like a task or as in a label map, but {', '.join(binary)} hold "
            f"0 and 1; {_example(table, f'{binary[0]}=1', f'{binary[0]}=0')}, or write {{}} there to read it without "
            "labels"
        )


def _other_tasks(columns: Columns) -> list[str]:
    """The tasks that have a column, but for ``target``, which stands beside a label column and not in its place."""
    return [task for _, task in columns.tasks if task != _TARGET.name]


def are_targets(values: Iterable[Any]) -> bool:
    """Whether a column named target holds classes of that task by name, as "target" is the name of much else."""
    names = {normalised(name) for name in _TARGET.classes}
    items = [normalised(item) for value in values for item in _task_items(_TARGET, value)]
    return bool(items) and names.issuperset(items)


def _check_heard(table: Table, columns: Columns, words: Mapping[str, dict[str, str]]) -> None:
    """Values of the map that stand in a column which is not the label column would be passed over in silence."""
    for column in columns.others:
        found = next((row.text(column) for row in table.rows if row.text(column).casefold() in words), None)
        if found is not None:
            raise DatasetError(
                f"{table.path}: the label map says what {shown(found)} means, but no column is named label, and it "
                f"stands in {column}: write '{column}={found}' instead, and so for its other values"
            )


def _check_binary(table: Table, column: str) -> None:
    """0 and 1 of a column with more classes are no answer to whether a meme is hateful."""
    labels = [_items(row.values.get(column)) for row in table.rows]
    numbers = {item for items in labels for item in items if re.fullmatch(r"\d+", item)}
    n_others = sum(any(item in numbers - {"0", "1"} for item in items) for items in labels)
    if n_others > _MAX_STRAY_LABELS * sum(map(bool, labels)):
        found = ", ".join(sorted(numbers, key=int)[:10])
        raise DatasetError(f"{table.path}: {column} holds {found}, not only 0 and 1; " + _example(table, "1", "0"))


def _example(table: Table, yes: str, no: str) -> str:
    example = f"'{yes}': hateful=hateful, '{no}': hateful=not_hateful"
    return f"say what they mean in {table.path.parent / FILE_NAME}, as in {{{example}}}"


def _rules(
    label_map: Mapping[str, str], columns: Columns
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, dict[str, str]]]]:
    """Rules for values of the label column, and rules by column for keys like ``misogynous=1``."""
    names = (columns.label, *(column for column, _ in columns.tasks), *columns.others, columns.tags)
    by_name = {normalised(name): name for name in names if name is not None}
    words: dict[str, dict[str, str]] = {}
    by_column: dict[str, dict[str, dict[str, str]]] = {}
    for key, target in label_map.items():
        name, equals, value = key.partition("=")
        column = by_name.get(normalised(name)) if equals else None
        rules = words if column is None else by_column.setdefault(column, {})
        rules[(key if column is None else value).strip().casefold()] = targets(target)
    return words, by_column


def _word(item: str, column: str, words: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    key = _compared(item)
    if key not in words:
        accepted = f"; accepted: {ACCEPTED}" if words else ""
        raise RowProblem(f"{column}: {shown(item)} has no known meaning{accepted}; say what it means in {FILE_NAME}")
    return words[key]


def _items(value: Any, said: str | None = None) -> list[str]:
    """One value or a list of them, as text; nothing for a blank one, but for ``said``, written so.

    A cell that begins with [ may hold a list.
    """
    if isinstance(value, str) and value.strip().startswith("["):
        value = _list_of(value)
    items = value if isinstance(value, list) else [value]
    return [text for text in map(_text_of, items) if text == said or text.casefold() not in _UNLABELLED]


def _list_of(text: str) -> list[Any] | str:
    """A list as JSON or Python writes it; the text itself when it is none."""
    for candidate in (text, text.replace("'", '"')):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, list):
            return value
    return text


def _text_of(value: Any) -> str:
    """``1.0`` (pandas writes whole numbers so beside blanks), ``True`` and ``1`` are the same label."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = str(int(value)) if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
    text = text.strip()
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def _task_votes(task: Task, column: str, value: Any) -> Votes:
    """Classes that a column named like ``task`` gives."""
    return [(task.name, _class_index(task, column, item)) for item in _task_items(task, value)]


def _task_items(task: Task, value: Any) -> list[str]:
    if task.kind == "multilabel" and isinstance(value, str) and not value.strip().startswith("["):
        value = re.split(r"[,;|]", value)
    return _items(value, said=task.empty_class)


def _class_index(task: Task, column: str, item: str) -> int:
    """Index of a class given by name, by index, or for a binary task by yes or no."""
    by_name = {normalised(name): index for index, name in enumerate(task.classes)}
    if normalised(item) in by_name:
        return by_name[normalised(item)]
    if item.isascii() and item.isdigit() and int(item) < len(task.classes):
        return int(item)
    if task.kind == "binary":
        word = _WORDS.get(_compared(item))
        if item.casefold() in _YES_NO:
            return _YES_NO[item.casefold()]
        if word is not None and word[0] == task.name:
            return task.classes.index(word[1])
    raise RowProblem(
        f"{column}: {shown(item)} is no class of {task.name}; accepted: {', '.join(task.classes)}, an index"
    )


def _counted(votes: Votes) -> Labels:
    """All classes of a multilabel task; of another task the one with most votes. Raises ``RowProblem`` for a tie."""
    labels: Labels = {}
    for task in dict.fromkeys(task for task, _ in votes):
        counts = Counter(index for name, index in votes if name == task).most_common()
        if TASKS[task].kind == "multilabel":
            labels[task] = tuple(sorted(index for index, _ in counts))
        elif len(counts) > 1 and counts[0][1] == counts[1][1]:
            raise RowProblem(
                f"as many labels say {TASKS[task].classes[counts[0][0]]} as {TASKS[task].classes[counts[1][0]]}"
            )
        else:
            labels[task] = counts[0][0]
    return labels


def _is_yes_no(text: str) -> bool:
    return _text_of(text).casefold() in _YES_NO


def has_meaning(word: str) -> bool:
    """Whether a label may say so without a map."""
    return _compared(word) in _WORDS


def _compared(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.casefold())
