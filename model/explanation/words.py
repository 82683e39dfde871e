"""Why a meme got its scores: each modality alone, and each word left out in turn.

Leaving a word out (occlusion) asks the network itself, so the answer is true of the model that judged. It says which
words moved a score, not why people should mind them.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from model.verdict import Explanation, PairEffect, RegionEffect, Score, WordEffect

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
        words=strongest_words(effects),
    )


def strongest_words(words: Sequence[WordEffect]) -> tuple[WordEffect, ...]:
    """Those that moved a score most, in the order of the text."""
    ranked = sorted(words, key=strength, reverse=True)[:MAX_WORDS_TOLD]
    return tuple(sorted(ranked, key=lambda word: word.start))


def strength(told: WordEffect | RegionEffect | PairEffect) -> float:
    """How far it moved the score that it moved most, up or down."""
    return max(map(abs, told.effects.values()), default=0.0)


def _differences(whole: dict[str, Score], other: dict[str, Score]) -> dict[str, float]:
    """Of the binary tasks: the score with everything less the score without the word."""
    return {
        task: score - without
        for task, score in whole.items()
        if isinstance(score, float) and isinstance(without := other[task], float)
    }
