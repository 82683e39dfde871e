"""Regions of a picture: a grid of them, what of a picture each one hides, and what hiding each does to the scores.

A region is hidden in one of two ways. From features that are there already its patch tokens are left out, which costs a
run of the head; what the tower pooled has seen them, and still says so. In the pixels it is covered with the picture's
mean colour and the picture encoded anew, which is what the network would have said, at the price of a run of the tower.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.explanation.game import Game, Players, Region
from model.ocr.types import Box
from model.runtime import ImageFeatures

#: Regions to a side of the grid: fewer say little of where, more cost more and each hides less than matters.
GRID_SIDE = 4
#: The features of a picture of which these of its regions are shown, bool [R]; None: nothing of it is.
Hide = Callable[[NDArray[np.bool_]], ImageFeatures | None]


def grid(side: int = GRID_SIDE) -> tuple[Region, ...]:
    """``side`` times ``side`` regions that are the whole picture, row by row."""
    steps = [at / side for at in range(side + 1)]
    return tuple(
        Region(steps[column], steps[row], steps[column + 1], steps[row + 1])
        for row in range(side)
        for column in range(side)
    )


def box_of(region: Region, within: Box) -> Box:
    """``region`` of a picture that lies at ``within``, in whole pixels."""
    left, top, right, bottom = within
    width, height = right - left, bottom - top
    return (
        left + round(region.left * width),
        top + round(region.top * height),
        left + round(region.right * width),
        top + round(region.bottom * height),
    )


def tokens_of(regions: Sequence[Region], n_tokens: int, place: Box, side_px: int) -> NDArray[np.bool_]:
    """Which of a picture's ``n_tokens`` P each of R ``regions`` holds, bool [R, P]: those whose middle lies in it.

    The tokens are of a square grid over ``side_px``, of which the picture is at ``place``; one before them that stands
    for all (CLIP's class token) is held by none. Raises ``ValueError`` for tokens that are no such grid.
    """
    per_side = math.isqrt(n_tokens)
    n_before = n_tokens - per_side**2
    if n_before not in (0, 1):
        raise ValueError(f"{n_tokens} tokens of a picture are no square grid")
    left, top, right, bottom = place
    middles = (np.arange(per_side) + 0.5) * side_px / per_side
    across, down = (middles - left) / (right - left), (middles - top) / (bottom - top)
    found = np.zeros((len(regions), n_tokens), dtype=bool)
    for row, region in enumerate(regions):
        in_columns = (across >= region.left) & (across < region.right)
        in_rows = (down >= region.top) & (down < region.bottom)
        found[row, n_before:] = (in_rows[:, None] & in_columns).ravel()
    return found


def covered(pixels: NDArray[np.float32], hidden: Iterable[Region], place: Box) -> NDArray[np.float32]:
    """``pixels`` [3, S, S] with the regions of the picture at ``place`` covered with the picture's mean colour."""
    left, top, right, bottom = place
    colour = pixels[:, top:bottom, left:right].mean(axis=(1, 2), keepdims=True)
    found = pixels.copy()
    for region in hidden:
        left, top, right, bottom = box_of(region, place)
        found[:, top:bottom, left:right] = colour
    return found


def hide_in_features(features: ImageFeatures, regions: Sequence[Region], tokens: NDArray[np.bool_]) -> Hide:
    """Leaves out the ``tokens`` [R, P] of the ``regions`` that are hidden; for ``features`` of one picture."""
    are_all = _are_all(regions)

    def hide(shown: NDArray[np.bool_]) -> ImageFeatures | None:
        if shown.all():
            return features
        left_out = tokens[~shown].any(axis=0)
        if left_out.all() or (are_all and not shown.any()):
            return None
        return ImageFeatures(features.embeds, features.patches[:, ~left_out])

    return hide


def hide_in_pixels(
    features: ImageFeatures, regions: Sequence[Region], encode: Callable[[frozenset[Region]], ImageFeatures]
) -> Hide:
    """Has the picture encoded with those of its ``regions`` covered that are hidden; ``features`` are of all of it."""
    are_all = _are_all(regions)

    def hide(shown: NDArray[np.bool_]) -> ImageFeatures | None:
        if shown.all():
            return features
        if are_all and not shown.any():
            return None
        return encode(frozenset(region for region, is_shown in zip(regions, shown, strict=True) if not is_shown))

    return hide


def _are_all(regions: Sequence[Region]) -> bool:
    """Whether they are the whole picture; they do not overlap."""
    return math.isclose(sum((one.right - one.left) * (one.bottom - one.top) for one in regions), 1.0)


def effects_without_each(game: Game, players: Players) -> dict[str, NDArray[np.float64]]:
    """By task, for each player the score with all of them less the score without it alone, [W + R]."""
    rows = np.vstack([np.ones((1, players.count), dtype=bool), ~np.eye(players.count, dtype=bool)])
    return {task: scores[0] - scores[1:] for task, scores in game(rows).items()}
