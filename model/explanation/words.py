"""Why a meme got its scores: each modality alone, and what each word does.

Leaving a word out (occlusion) asks the network itself, so the answer is true of the model that judged. It says which
words moved a score, not why people should mind them. Where two words say the same, leaving out either changes little:
Shapley values, which leave out several at once, share the score between them, and take more runs of the head.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from model.explanation.coalitions import fewest_calls
from model.explanation.game import Game, Players
from model.explanation.interactions import shapley_values
from model.parts.windows import Span
from model.verdict import Explanation, PairEffect, RegionEffect, Score, WordEffect

_WORD = re.compile(r"\S+")
#: Words that are left out in turn: as many as the network reads. Of a longer text the part is explained that decided.
MAX_WORDS_TRIED = 96
#: Words that are told.
MAX_WORDS_TOLD = 10
#: Runs of the head for Shapley values: every coalition of six words; of more than 47, two for each and two more.
SHAPLEY_CALLS = 96


class Rescore(Protocol):
    """Scores of one meme with each of ``texts`` in place of its own; on request without its picture or its tags."""

    def __call__(self, texts: Sequence[str], *, pictured: bool = True, tagged: bool = True) -> list[dict[str, Score]]:
        """One mapping for each text."""


def explain(text: str, rescore: Rescore, *, has_image: bool) -> Explanation:
    """Explain the scores of a meme with these words; ``rescore`` asks the network about it again."""
    words = word_spans(text)
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


def word_spans(text: str) -> tuple[Span, ...]:
    """Where the words are whose effects are looked at."""
    return tuple(match.span() for match in _WORD.finditer(text))[:MAX_WORDS_TRIED]


def shapley_effects(text: str, game: Game) -> tuple[WordEffect, ...]:
    """The words that moved a score most, by their Shapley values in a ``game`` of ``word_spans(text)``."""
    players = Players(words=word_spans(text))
    calls = max(SHAPLEY_CALLS, fewest_calls(players.count))
    values = shapley_values(game, players, most_calls=calls)
    return strongest_words(
        [
            WordEffect(text[start:end], start, end, {task: float(of[at]) for task, of in values.items()})
            for at, (start, end) in enumerate(players.words)
        ]
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
