"""Explainer of one part of a meme: its words, then regions of its picture, then both together, as far as was asked.

What each level costs is bounded: a run of the head for each of 96 words and 16 regions at most, and for "full" a run of
the image tower for each region beside it.
"""

from dataclasses import replace

from model.budget import Budget
from model.bundle import Bundle
from model.explanation.game import Players
from model.explanation.regions import box_of, effects_without_each, grid
from model.explanation.rescoring import HiddenIn, Rescorer, ShownPart, TimeIsOverError
from model.explanation.words import explain
from model.runtime import Runtime
from model.verdict import ExplainLevel, Explanation, RegionEffect

#: How the regions of each level are hidden.
_HIDDEN_IN: dict[ExplainLevel, HiddenIn] = {"regions": "features", "full": "pixels"}


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
            if level != "words" and part.image is not None:
                what = "regions"
                found = replace(found, regions=_regions(rescorer, part.image.size, part.view, _HIDDEN_IN[level]))
        except TimeIsOverError:
            found = replace(found, detail=f"the time was over before the effects of {what} were known")
        return found


def _regions(rescorer: Rescorer, size: tuple[int, int], view: int, hidden_in: HiddenIn) -> tuple[RegionEffect, ...]:
    """Of each region of a grid the score with the whole picture less the score with that region hidden."""
    players = Players(regions=grid())
    effects = effects_without_each(rescorer.game(players, hidden_in), players)
    return tuple(
        RegionEffect(
            box_of(region, (0, 0, *size)),
            {task: float(values[at]) for task, values in effects.items()},
            view,
        )
        for at, region in enumerate(players.regions)
    )
