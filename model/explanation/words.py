"""Why a meme got its scores: each modality alone, and each word left out in turn.

Leaving a word out (occlusion) asks the network itself, so the answer is true of the model that judged. It says which
words moved a score, not why people should mind them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from model.parts.pooling import Pooled
from model.verdict import Explanation, Score, WordEffect

_WORD = re.compile(r"\S+")
#: Words that are left out in turn: as many as the network reads. Of a longer text the part is explained that decided.
MAX_WORDS_TRIED = 96
#: Words that are told.
MAX_WORDS_TOLD = 10


class Rescore(Protocol):
    """Scores of one meme with each of ``texts`` in place of its own; on request without its picture or its tags."""

    def __call__(self, texts: Sequence[str], *, pictured: bool = True, tagged: bool = True) -> list[dict[str, Score]]:
        """One mapping for each text."""


def explain(text: str, rescore: Rescore, *, has_image: bool) -> Explanation:
    """Explain the scores of a meme with these words; ``rescore`` asks the network about it again."""
    words = [match.span() for match in _WORD.finditer(text)][:MAX_WORDS_TRIED]
    whole, *without = rescore([text, *(text[:start] + text[end:] for start, end in words)])
    effects = [
        WordEffect(text[start:end], start, end, _differences(whole, other))
        for (start, end), other in zip(words, without, strict=True)
    ]
    return Explanation(
        text_alone=rescore([text], pictured=False)[0] if words else None,
        image_alone=rescore([""], tagged=False)[0] if has_image else None,
        words=_strongest(effects),
    )


def shifted(explanation: Explanation, by: int) -> Explanation:
    """The same of a part that begins at character ``by`` of the text."""
    words = [replace(word, start=word.start + by, end=word.end + by) for word in explanation.words]
    return replace(explanation, words=tuple(words))


def merged(explanations: Mapping[int, Explanation], pooled: Pooled[Any]) -> Explanation:
    """One of several parts, by their index: each task is explained by the part that decided it.

    A task whose part was not explained is told by the leading part.
    """

    def part_of(task: str) -> int:
        decided = pooled.deciding[task]
        return decided if decided in explanations else pooled.leading

    effects: dict[tuple[int, int], WordEffect] = {}
    for part, explanation in explanations.items():
        for word in explanation.words:
            known = effects.get((word.start, word.end), replace(word, effects={}))
            own = {task: effect for task, effect in word.effects.items() if part_of(task) == part}
            effects[word.start, word.end] = replace(word, effects=known.effects | own)
    return Explanation(
        text_alone=_alone({task: explanations[part_of(task)].text_alone for task in pooled.deciding}),
        image_alone=_alone({task: explanations[part_of(task)].image_alone for task in pooled.deciding}),
        words=_strongest(list(effects.values())),
    )


def _alone(found: Mapping[str, dict[str, Score] | None]) -> dict[str, Score] | None:
    """Of each task its score in the part that decided it; None where none of them has the modality."""
    scores = {task: alone[task] for task, alone in found.items() if alone is not None}
    return scores or None


def _strongest(words: Sequence[WordEffect]) -> tuple[WordEffect, ...]:
    """Those that moved a score most, in the order of the text."""
    ranked = sorted(words, key=lambda word: -max(map(abs, word.effects.values()), default=0.0))[:MAX_WORDS_TOLD]
    return tuple(sorted(ranked, key=lambda word: word.start))


def _differences(whole: dict[str, Score], other: dict[str, Score]) -> dict[str, float]:
    """Of the binary tasks: the score with everything less the score without the word."""
    return {
        task: score - without
        for task, score in whole.items()
        if isinstance(score, float) and isinstance(without := other[task], float)
    }
