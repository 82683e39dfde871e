"""Known causes of hate: does the word that an explanation puts first fill the place that a HateCheck template leaves?

HateCheck's sentences are made from templates with a place for a group's name or a slur; said of somebody or something
else the same is not hateful. Which word that is, is known without the network.
"""

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.explanation_methods import methods
from benchmarks.explanation_subjects import CALLS, Tools, spans
from model.explanation.game import Players

_FILE = Path("text_hate") / "hatecheck.csv"
_PLACE = re.compile(r"(\[[A-Z_]+\])")
_TASK = "hateful"
_FIRST = 3


@dataclass(frozen=True)
class Case:
    """A sentence, with its words that fill a place of its template: bool for each of ``words``."""

    text: str
    words: tuple[tuple[int, int], ...]
    is_cause: tuple[bool, ...]


@dataclass(frozen=True)
class Causes:
    """By method and, as "by chance", for a random order: of ``n`` cases the share whose cause comes first, or among
    the first three.
    """

    n: int
    first: dict[str, float]
    among_three: dict[str, float]


def case_of(text: str, template: str) -> Case | None:
    """None where the template has no place, or the sentence is not it with its places filled."""
    parts = _PLACE.split(template.strip())
    pattern = "".join("(.+?)" if _PLACE.fullmatch(part) else re.escape(part) for part in parts)
    match = re.fullmatch(pattern, text.strip())
    if match is None or not match.groups():
        return None
    places = [match.span(number) for number in range(1, len(match.groups()) + 1)]
    words = spans(match.string)
    is_cause = [any(start < end_ and start_ < end for start_, end_ in places) for start, end in words]
    return Case(match.string, words, tuple(is_cause))


def cases(data: Path, seed: int = 0) -> Iterator[Case]:
    """Hateful ones with a known cause, in random order; none where DATA has no HateCheck."""
    if not (data / _FILE).exists():
        return
    with (data / _FILE).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label_gold"] == "hateful"]
    random.Random(seed).shuffle(rows)
    found = (case_of(row["test_case"], row["case_templ"]) for row in rows)
    yield from (case for case in found if case is not None)


def measure_causes(tools: Tools, data: Path, n: int) -> Causes | None:
    """Of the first ``n`` cases that the bundle scores high enough to explain; None where there are none."""
    first: dict[str, list[float]] = {}
    three: dict[str, list[float]] = {}
    for case in cases(data):
        if len(next(iter(first.values()), [])) == n:
            break
        rescorer = tools.rescorer(case.text, None)
        score = rescorer([case.text])[0][_TASK]
        if not isinstance(score, float) or score < tools.min_score:
            continue
        game, players = rescorer.game(Players(words=case.words), "features"), Players(words=case.words)
        is_cause = np.array(case.is_cause)
        for name, method in methods(CALLS).items():
            order = np.argsort(-method(game, players, 0)[_TASK], kind="stable")
            first.setdefault(name, []).append(float(is_cause[order[0]]))
            three.setdefault(name, []).append(float(is_cause[order[:_FIRST]].any()))
        first.setdefault("by chance", []).append(_by_chance(is_cause, 1))
        three.setdefault("by chance", []).append(_by_chance(is_cause, _FIRST))
    if not first:
        return None
    n_cases = len(first["by chance"])
    return Causes(n_cases, *({name: float(np.mean(hits)) for name, hits in of.items()} for of in (first, three)))


def _by_chance(is_cause: np.ndarray, n_first: int) -> float:
    """Chance that one of the first ``n_first`` words of a random order is a cause."""
    n_words, n_other = len(is_cause), int((~is_cause).sum())
    missed = 1.0
    for at in range(min(n_first, n_words)):
        missed *= max(0, n_other - at) / (n_words - at)
    return 1 - missed
