"""Merging of the explanations of a meme's parts to one: each task is told by the part that decided it."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from model.explanation.words import strength, strongest_words
from model.parts.pooling import Pooled
from model.verdict import Explanation, PairEffect, RegionEffect, Score, WordEffect, WordMethod

#: Words with regions that are told.
MAX_PAIRS_TOLD = 10

_Effect = TypeVar("_Effect", WordEffect, RegionEffect)


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

    def own(part: int, effects: Mapping[str, float]) -> dict[str, float]:
        return {task: effect for task, effect in effects.items() if part_of(task) == part}

    parts = explanations.items()
    words = [replace(word, effects=own(part, word.effects)) for part, one in parts for word in one.words]
    regions = [replace(region, effects=own(part, region.effects)) for part, one in parts for region in one.regions]
    pairs = [_with_effects(pair, own(part, pair.effects)) for part, one in parts for pair in one.pairs]
    return Explanation(
        text_alone=_alone({task: explanations[part_of(task)].text_alone for task in pooled.deciding}),
        image_alone=_alone({task: explanations[part_of(task)].image_alone for task in pooled.deciding}),
        words=strongest_words(_joined(words, lambda word: (word.start, word.end))),
        regions=tuple(_joined(regions, lambda region: (region.view, region.box))),
        pairs=tuple(sorted((pair for pair in pairs if pair.effects), key=strength, reverse=True)[:MAX_PAIRS_TOLD]),
        detail=next((one.detail for one in explanations.values() if one.detail), None),
        method=_method(explanations.values()),
    )


def _method(explanations: Iterable[Explanation]) -> WordMethod:
    """That of all that have words."""
    methods: set[WordMethod] = {one.method for one in explanations if one.words} or {"left_out"}
    return methods.pop() if len(methods) == 1 else "mixed"


def _with_effects(pair: PairEffect, effects: dict[str, float]) -> PairEffect:
    return replace(pair, effects=effects, only_together=tuple(task for task in pair.only_together if task in effects))


def _joined(effects: Iterable[_Effect], key: Callable[[_Effect], Hashable]) -> list[_Effect]:
    """What one or more parts tell of, each once; of what more than one does, the effects of all."""
    found: dict[Hashable, _Effect] = {}
    for one in effects:
        known = found.get(key(one))
        found[key(one)] = one if known is None else replace(known, effects=known.effects | one.effects)
    return list(found.values())


def _alone(found: Mapping[str, dict[str, Score] | None]) -> dict[str, Score] | None:
    """Of each task its score in the part that decided it; None where none of them has the modality."""
    scores = {task: alone[task] for task, alone in found.items() if alone is not None}
    return scores or None
