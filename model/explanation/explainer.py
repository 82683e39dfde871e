"""Explainer of one part of a meme: its words, then regions of its picture, then both together, as far as was asked.

What each level costs is bounded: "words" a run of the head for each of 96 words at most; "regions" beside it a run of
the head and of the image tower for each of 16 regions; "full" beside both 96 runs of the head for the words' Shapley
values (194 for 96 words), and 256 of the head and 11 of the tower for words and regions together.
"""

from collections.abc import Iterable
from dataclasses import replace

from model.budget import Budget
from model.bundle import Bundle
from model.explanation.game import Players
from model.explanation.interactions import shapley_interactions
from model.explanation.regions import box_of, effects_without_each, grid
from model.explanation.rescoring import HiddenIn, Rescorer, ShownPart, TimeIsOverError
from model.explanation.words import explain, shapley_effects, strength, word_spans
from model.runtime import Runtime
from model.verdict import ExplainLevel, Explanation, PairEffect, RegionEffect

#: How regions are hidden: the way that is true of the network, since the other one hides nothing of what was pooled.
_HIDDEN_IN: HiddenIn = "pixels"
#: Words, and regions, that are looked at in pairs: those that did most alone. So many have 256 coalitions, and all are
#: asked about, so that interactions are exact.
_PAIRED = 4


class Explainer:
    """Explains with one bundle's network. Safe under threads."""

    def __init__(self, bundle: Bundle, runtime: Runtime) -> None:
        self._bundle, self._runtime = bundle, runtime

    def __call__(self, part: ShownPart, level: ExplainLevel, budget: Budget) -> Explanation:
        """Why ``part`` got its scores; what ``budget`` left no time for is named in ``detail``."""
        rescorer = Rescorer(self._bundle, self._runtime, part, budget)
        found, what = Explanation(None, None, ()), "words"
        try:
            found = explain(part.text, rescorer, has_image=part.image is not None)
            if level == "full" and found.words:
                what = "words by their Shapley values"
                game = rescorer.game(Players(words=word_spans(part.text)), _HIDDEN_IN)
                found = replace(found, words=shapley_effects(part.text, game), method="shapley")
            if level == "words" or part.image is None:
                return found
            what = "regions"
            found = replace(found, regions=_regions(rescorer, part.image.size, part.view))
            if level == "full" and found.words:
                what = "words and regions together"
                found = replace(found, pairs=_pairs(rescorer, found))
        except TimeIsOverError:
            return replace(found, detail=f"the time was over before the effects of {what} were known")
        return found


def _regions(rescorer: Rescorer, size: tuple[int, int], view: int) -> tuple[RegionEffect, ...]:
    """Of each region of a grid the score with the whole picture less the score with that region hidden."""
    players = Players(regions=grid())
    effects = effects_without_each(rescorer.game(players, _HIDDEN_IN), players)
    return tuple(
        RegionEffect(
            box_of(region, (0, 0, *size)),
            {task: float(values[at]) for task, values in effects.items()},
            view,
        )
        for at, region in enumerate(players.regions)
    )


def _pairs(rescorer: Rescorer, found: Explanation) -> tuple[PairEffect, ...]:
    """Interactions of the words and the regions that did most alone, each word with each region."""
    word_places, region_places = _strongest(map(strength, found.words)), _strongest(map(strength, found.regions))
    words, regions = [found.words[at] for at in word_places], [found.regions[at] for at in region_places]
    areas = grid()
    players = Players(
        words=tuple((word.start, word.end) for word in words), regions=tuple(areas[at] for at in region_places)
    )
    by_task = shapley_interactions(rescorer.game(players, _HIDDEN_IN), players)
    return tuple(
        PairEffect(
            word.text,
            word.start,
            word.end,
            region.box,
            {task: float(one.together[row, len(words) + column]) for task, one in by_task.items()},
            region.view,
            tuple(task for task, one in by_task.items() if one.only_together[row, len(words) + column]),
        )
        for row, word in enumerate(words)
        for column, region in enumerate(regions)
    )


def _strongest(strengths: Iterable[float]) -> list[int]:
    """Places of the strongest few, in their order."""
    ranked = sorted(enumerate(strengths), key=lambda one: one[1], reverse=True)[:_PAIRED]
    return sorted(place for place, _ in ranked)
