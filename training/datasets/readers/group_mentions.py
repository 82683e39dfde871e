"""Sentences that name a group of people, harmless ones too: ToxiGen (Hartvigsen et al. 2022) as people rated it,
RedditBias (Barikeri et al. 2021) and the phrases of Dixon et al. (2018), here madlibs.

The tag of a sample is the group, in the file's words, and what it says hatefully of a group is labelled as an attack on
it. Each reader takes the folder or the file itself. None of the
files has an official split: a tenth each is ``dev`` and ``test``, and what is alike stays together.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from training.datasets.base import Loaded, Sample, hateful
from training.datasets.label_map import IGNORE, labels_of_value, meanings
from training.datasets.shown import shown
from training.datasets.split_files import file_of_split, files_there
from training.datasets.tables import Row, RowProblem, Table, load_rows, of_split, read_csv
from training.datasets.target_groups import TargetLabels
from training.datasets.text_key import split_of_key, text_key

_SPLITS = ("train", "dev", "test")
_TOXIGEN = dict.fromkeys(_SPLITS, "toxigen_human.csv")
_REDDITBIAS = dict.fromkeys(_SPLITS, "redditbias.csv")
_MADLIBS = dict.fromkeys(_SPLITS, "madlibs.csv")
#: Mean ratings, from 1 (harmless) to 5 (harmful); what lies between is neither.
TOXIGEN_HARMLESS_UP_TO, TOXIGEN_HARMFUL_FROM = 2.0, 4.0
_LOWEST_RATING, _HIGHEST_RATING = 1.0, 5.0
#: Sentences of ToxiGen that begin with the same words are continuations of one prompt.
_PROMPT_WORDS = 4
REDDITBIAS_LABELS = {"0": "hateful=not_hateful", "1": "hateful=hateful"} | dict.fromkeys(
    ("2", "biased?", "re-state", "question", "1 - context needed", "toxic-unrelated", "fact?"), IGNORE
)
MADLIBS_LABELS = {"nontoxic": "hateful=not_hateful", "toxic": "hateful=hateful"}
_OCCUPATIONS = "you_occupation"
#: Where a template of madlibs has its name and where the group.
_MADLIBS_TEMPLATES = {
    "name_adj": r"(?P<name>.+?) is an? \S+ (?P<group>.+)",
    "you_are_adj": r"You are an? \S+ (?P<group>.+)",
    _OCCUPATIONS: r"You are an? \S+ (?P<group>.+)",
    "being_adj": r"Being (?P<group>.+) is \S+",
    "verb_adj": r"\S+ (?P<group>.+)",
    "am_hate_adj": r"I (?:am|hate) (?P<group>.+)",
}


def splits_of_toxigen(root: Path) -> tuple[str, ...]:
    """``train``, ``dev`` and ``test`` where the file is there."""
    return tuple(files_there(root, _TOXIGEN))


def splits_of_redditbias(root: Path) -> tuple[str, ...]:
    """``train``, ``dev`` and ``test`` where the file is there."""
    return tuple(files_there(root, _REDDITBIAS))


def splits_of_madlibs(root: Path) -> tuple[str, ...]:
    """``train``, ``dev`` and ``test`` where the file is there."""
    return tuple(files_there(root, _MADLIBS))


def read_toxigen(root: Path, split: str, *, dataset: str = "toxigen") -> Loaded:
    """``toxigen_human.csv``: rated 2 or less is harmless, 4 or more hateful; middle ratings are left out."""
    table = _table(root, _TOXIGEN, split, _prompt, "id", "text", "target_group", "toxicity_human")
    target = TargetLabels()

    def parse(row: Row) -> Sample:
        tags = _tags(row.text("target_group"))
        labels = target.added(hateful(_rating(row) >= TOXIGEN_HARMFUL_FROM), tags)
        return Sample(row.text("id"), dataset, split, _text(row), labels, tags=tags)

    return load_rows(table, parse, target=target)


def read_redditbias(
    root: Path, split: str, *, dataset: str = "redditbias", label_map: Mapping[str, str] | None = None
) -> Loaded:
    """``redditbias.csv``: comments, labelled by their sentence (``bias_sent``); values but 0 and 1 are left out."""
    table = _table(root, _REDDITBIAS, split, _words, "id", "text", "group", "bias_sent")
    mapped = meanings(REDDITBIAS_LABELS, label_map)
    target = TargetLabels()

    def parse(row: Row) -> Sample:
        tags = _tags(row.text("group"))
        labels = target.added(labels_of_value(row.text("bias_sent"), mapped), tags)
        return Sample(row.text("id"), dataset, split, _text(row), labels, tags=tags)

    return load_rows(table, parse, target=target)


def read_madlibs(
    root: Path, split: str, *, dataset: str = "madlibs", label_map: Mapping[str, str] | None = None
) -> Loaded:
    """``madlibs.csv``: templates filled with a group. Insults of an occupation are left out: it is no such group."""
    table = _table(root, _MADLIBS, split, _without_name, "id", "text", "template", "label")
    mapped = meanings(MADLIBS_LABELS, label_map)
    target = TargetLabels()

    def parse(row: Row) -> Sample:
        is_occupation = row.text("template") == _OCCUPATIONS
        labels = labels_of_value(row.text("label"), mapped)
        if is_occupation and labels == hateful(True):
            raise RowProblem("it insults an occupation, which is no protected group")
        tags = _tags("" if is_occupation else _filled(row)["group"])
        return Sample(row.text("id"), dataset, split, _text(row), target.added(labels, tags), tags=tags)

    return load_rows(table, parse, target=target)


def _table(root: Path, files: dict[str, str], split: str, key: Callable[[Row], str], *columns: str) -> Table:
    path = file_of_split(files_there(root, files), split, root / files["train"])
    return of_split(read_csv(path).nonempty().require(*columns), split, lambda row: split_of_key(key(row)))


def _text(row: Row) -> str:
    return " ".join(row.text("text").split())


def _tags(group: str) -> tuple[str, ...]:
    return (group,) if group else ()


def _words(row: Row) -> str:
    return text_key(row.text("text"))


def _prompt(row: Row) -> str:
    return " ".join(_words(row).split()[:_PROMPT_WORDS])


def _without_name(row: Row) -> str:
    """The words of a phrase but for the person's name: the same words about another are the same phrase."""
    text = row.text("text")
    found = _match(row)
    name = found.groupdict().get("name") if found else None
    return text_key(text if name is None else text[len(name) :])


def _filled(row: Row) -> dict[str, str]:
    found = _match(row)
    if found is None:
        raise RowProblem(f"it does not fit its template {shown(row.text('template'))}")
    return found.groupdict()


def _match(row: Row) -> re.Match[str] | None:
    return re.fullmatch(_MADLIBS_TEMPLATES.get(row.text("template"), "(?!)"), _text(row))


def _rating(row: Row) -> float:
    """The mean rating; raises ``RowProblem`` when there is none from 1 to 5, and when it lies in the middle."""
    written = row.text("toxicity_human")
    try:
        rating = float(written)
    except ValueError:
        rating = 0.0
    if not _LOWEST_RATING <= rating <= _HIGHEST_RATING:
        raise RowProblem(f"rating {shown(written)} is none from 1 to 5")
    if TOXIGEN_HARMLESS_UP_TO < rating < TOXIGEN_HARMFUL_FROM:
        raise RowProblem("rated between 2 and 4, which says neither harmless nor hateful")
    return rating
