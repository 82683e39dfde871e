"""Cases of the functional test: every pair of every function, filled with every group that it fits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.datasets.base import Sample, hateful
from training.datasets.minimal_pairs.fill import filled
from training.functions.templates import (
    SIGN,
    Function,
    FunctionalTest,
    Label,
    MemeTemplate,
    PairTemplate,
    TargetGroup,
)

#: What samples are said to be of. No layout has this name, so that no config of training can ask for it.
DATASET = "meme_functions"


@dataclass(frozen=True)
class Case:
    """One meme: a drawing and the words with it.

    ``pair`` is shared by two cases of opposite labels, of which one is the function and the other its twin; ``group``
    is the one that the pair is about, ``characteristic`` that for which it is attacked.
    """

    function: str
    pair: str
    group: str
    characteristic: str
    label: Label
    picture: str
    text: str = field(repr=False)

    @property
    def id(self) -> str:
        """Unique in the test."""
        return f"{self.pair}-{self.label}"


def make_cases(test: FunctionalTest) -> list[Case]:
    """All cases, the two of a pair one after the other, in the order of the files."""
    return [case for function in test.functions for case in _cases_of(function, test)]


def samples_of(cases: Sequence[Case], pictures: Mapping[str, Path]) -> list[Sample]:
    """The cases as samples with the files of their drawings. Function and group are no tags, which a network sees."""
    return [
        Sample(
            case.id,
            DATASET,
            "test",
            case.text,
            hateful(case.label == "hateful"),
            image=pictures[case.picture],
            pair=case.pair,
        )
        for case in cases
    ]


def _cases_of(function: Function, test: FunctionalTest) -> Iterator[Case]:
    for number, pair in enumerate(function.pairs, start=1):
        for place, group in enumerate(test.groups):
            if group.fits(pair):
                yield from _filled_pair(f"{function.name}-{number}-{place}", function.name, pair, place, group, test)


def _filled_pair(
    name: str, function: str, pair: PairTemplate, place: int, group: TargetGroup, test: FunctionalTest
) -> Iterator[Case]:
    """``place`` is that of the group: it picks the words and the drawing."""
    values = {slot: words[place] for slot, words in test.slots.items()} | group.forms
    members: tuple[tuple[Label, MemeTemplate], ...] = (("hateful", pair.hateful), ("harmless", pair.harmless))
    for label, meme in members:
        picture = meme.pictures[place % len(meme.pictures)]
        yield Case(
            function,
            name,
            group.group.name,
            group.group.characteristic,
            label,
            group.sign or picture if picture == SIGN else picture,
            filled(meme.text, values),
        )
