"""Marks of words and of the picture, as every page shows them."""

from dataclasses import replace

from support.judgements import judgement

from model.verdict import Explanation, PictureEvidence, RegionEffect, ViewEvidence, WordEffect
from serving.web.evidence import Heat, Piece, pieces, shown_evidence


def test_words_are_marked_by_how_much_they_moved_the_score() -> None:
    effects = [
        WordEffect("is", 4, 6, {"hateful": 0.001}),
        WordEffect("ready", 7, 12, {"hateful": -0.07}),
        WordEffect("tea", 0, 3, {"hateful": 0.3}),
    ]
    assert pieces("tea is ready", effects, "hateful") == (
        Piece("tea", "raised-3", 0.3),
        Piece(" is "),
        Piece("ready", "lowered-2", -0.07),
    )


def test_regions_that_moved_the_score_lie_on_the_picture_and_the_others_do_not() -> None:
    boxes = {(0, 0, 50, 40): 0.2, (50, 0, 100, 40): -0.03, (0, 40, 50, 80): 0.001}
    regions = tuple(RegionEffect(box, {"hateful": effect}) for box, effect in boxes.items())
    explained = Explanation(None, {"hateful": 0.3}, (), regions, detail="pairs: no time was left")
    picture = PictureEvidence("PNG", 100, 80, is_animated=False, n_frames=1)
    found = shown_evidence(replace(judgement("words"), explanation=explained, picture=picture))
    assert found.heat == (Heat(0, 0, 50, 40, "raised-4", 0.2), Heat(50, 0, 50, 40, "lowered-2", -0.03))
    assert (found.width_px, found.height_px, found.has_regions) == (100, 80, True)
    assert found.note == "pairs: no time was left"


def test_the_heat_map_is_of_the_view_that_decided_the_task_and_this_is_said() -> None:
    views = (ViewEvidence(0, None, "", {"hateful": 0.1}), ViewEvidence(3, "dark", "", {"hateful": 0.5}))
    picture = PictureEvidence("GIF", 100, 80, is_animated=True, n_frames=5, views=views, strictest=1)
    regions = (
        RegionEffect((0, 0, 50, 40), {"offensive": 0.9}, view=0),
        RegionEffect((50, 40, 100, 80), {"hateful": 0.2}, view=1),
    )
    explained = Explanation(None, {"hateful": 0.3}, (), regions)
    found = shown_evidence(replace(judgement("words"), explanation=explained, picture=picture))
    assert found.heat == (Heat(50, 40, 50, 40, "raised-4", 0.2),)
    assert (found.view, found.view_title) == (1, "frame 4 of 5, on a dark ground")
    without = shown_evidence(replace(judgement("words"), explanation=replace(explained, regions=()), picture=picture))
    assert (without.heat, without.view) == ((), 1)


def test_marks_never_lose_a_character_where_effects_are_of_another_text() -> None:
    effects = [WordEffect("tea", 0, 3, {"hateful": 0.3}), WordEffect("ea", 1, 3, {"hateful": 0.3})]
    effects.append(WordEffect("beyond", 2, 40, {"hateful": 0.3}))
    assert "".join(piece.text for piece in pieces("tea is ready", effects, "hateful")) == "tea is ready"
