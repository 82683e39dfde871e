"""A scorer with a bug that one meme brings out."""

from collections.abc import Sequence

from model import Judgement, Scorer
from model.budget import Budget
from model.judge import Reading, ScoringError
from model.verdict import Explain

POISON = "secret poison"


class PoisonedScorer(Scorer):
    """Breaks on the words ``POISON``, and gives "nan" no score."""

    def judge(
        self, readings: Sequence[Reading], explained: Sequence[Explain] = (), budget: Budget | None = None
    ) -> list[Judgement | ScoringError]:
        words = [reading.text.content for reading in readings]
        if POISON in words:
            raise RuntimeError(f"a bug that quotes {words}")
        judged = super().judge(readings, explained, budget)
        return [
            ScoringError("no finite score") if word == "nan" else one for word, one in zip(words, judged, strict=True)
        ]
