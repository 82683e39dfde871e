"""Merging of the explanations of a meme's parts to one: each task is told by the part that decided it."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from model.explanation.words import strongest_words
from model.parts.pooling import Pooled
from model.verdict import Explanation, PairEffect, RegionEffect, Score, WordEffect

#: Words with regions that are told.
MAX_PAIRS_TOLD = 10

_Effect = TypeVar("_Effect", WordEffect, RegionEffect, PairEffect)


def shifted(explanation: Explanation, by: int) -> Explanation:
    """The same of a part that begins at character ``by`` of the text."""
    words = [replace(word, start=word.start + by, end=word.end + by) for word in explanation.words]
    pairs = [replace(pair, start=pair.start + by, end=pair.end + by) for pair in explanation.pairs]
    return replace(explanation, words=tuple(words), pairs=tuple(pairs))


def merged(explanations: Mapping[int, Explanation], pooled: Pooled[Any]) -> Explanation:
    """One of several parts, by their index. A task whose part was not explained is told by the leading part."""

    def part_of(task: str) -> int:
        decided = pooled.deciding[task]
        return decided if decided in explanations else pooled.leading

    def own(part: int, effects: Iterable[_Effect]) -> list[_Effect]:
        return [
            replace(one, effects={task: effect for task, effect in one.effects.items() if part_of(task) == part})
            for one in effects
        ]

    parts = explanations.items()
    words = _joined([own(part, one.words) for part, one in parts], lambda word: (word.start, word.end))
    regions = _joined([own(part, one.regions) for part, one in parts], lambda region: (region.view, region.box))
    pairs = _joined(
        [own(part, one.pairs) for part, one in parts], lambda pair: (pair.start, pair.end, pair.view, pair.box)
    )
    return Explanation(
        text_alone=_alone({task: explanations[part_of(task)].text_alone for task in pooled.deciding}),
        image_alone=_alone({task: explanations[part_of(task)].image_alone for task in pooled.deciding}),
        words=strongest_words(words),
        regions=tuple(regions),
        pairs=tuple(
            sorted(pairs, key=lambda pair: -max(map(abs, pair.effects.values()), default=0.0))[:MAX_PAIRS_TOLD]
        ),
        detail=next((one.detail for one in explanations.values() if one.detail), None),
    )


def _joined(parts: Iterable[Iterable[_Effect]], key: Callable[[_Effect], Hashable]) -> list[_Effect]:
    """What several parts tell of; of what more than one does, the effects of all."""
    found: dict[Hashable, _Effect] = {}
    for part in parts:
        for one in part:
            known = found.get(key(one))
            found[key(one)] = one if known is None else replace(known, effects=known.effects | one.effects)
    return list(found.values())


def _alone(found: Mapping[str, dict[str, Score] | None]) -> dict[str, Score] | None:
    """Of each task its score in the part that decided it; None where none of them has the modality."""
    scores = {task: alone[task] for task, alone in found.items() if alone is not None}
    return scores or None
