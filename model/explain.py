"""Why a meme got its scores: each modality alone, and each word left out in turn.

Leaving a word out (occlusion) asks the network itself, so the answer is true of the model that judged. It says which
words moved a score, not why people should mind them.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from model.runtime import ImageFeatures
from model.verdict import Explanation, Score, WordEffect

if TYPE_CHECKING:
    from model.judgement import Judge, Reading

_WORD = re.compile(r"\S+")
#: Words that are left out in turn; a longer text is explained by its beginning.
MAX_WORDS_TRIED = 64
#: Words that are told.
MAX_WORDS_TOLD = 10
_BATCH = 16


def explain(judge: "Judge", reading: "Reading", features: ImageFeatures) -> Explanation:
    """Explain one meme with the features [1, ...] that its picture has already got."""
    text, pictured = reading.text.content, reading.meme.image is not None
    words = [match.span() for match in _WORD.finditer(text)][:MAX_WORDS_TRIED]
    whole, *without = _scores(judge, reading, features, [text, *(text[:start] + text[end:] for start, end in words)])
    effects = [
        WordEffect(text[start:end], start, end, _differences(whole, other))
        for (start, end), other in zip(words, without, strict=True)
    ]
    strongest = sorted(effects, key=lambda word: -max(map(abs, word.effects.values()), default=0.0))[:MAX_WORDS_TOLD]
    return Explanation(
        text_alone=_scores(judge, reading, judge.runtime.no_features(1), [text], pictured=False)[0] if words else None,
        image_alone=_scores(judge, reading, features, [""], tagged=False)[0] if pictured else None,
        words=tuple(sorted(strongest, key=lambda word: word.start)),
    )


def _scores(
    judge: "Judge",
    reading: "Reading",
    features: ImageFeatures,
    texts: Sequence[str],
    *,
    pictured: bool = True,
    tagged: bool = True,
) -> list[dict[str, Score]]:
    """Scores of the same picture with each of ``texts``."""
    found = []
    shown = int(pictured and reading.meme.image is not None)
    tags = reading.meme.tags if tagged else ()
    for at in range(0, len(texts), _BATCH):
        part = texts[at : at + _BATCH]
        inputs = judge.bundle.preprocessor.text_inputs(part, [tags] * len(part))
        mask = np.full(len(part), shown, dtype=np.int64)
        logits = judge.runtime.head(features.rows([0] * len(part)), mask, inputs)
        found += [judge.scores(logits, row) for row in range(len(part))]
    return found


def _differences(whole: dict[str, Score], other: dict[str, Score]) -> dict[str, float]:
    """Of the binary tasks: the score with everything less the score without the word."""
    return {
        task: score - without
        for task, score in whole.items()
        if isinstance(score, float) and isinstance(without := other[task], float)
    }
