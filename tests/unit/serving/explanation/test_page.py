"""The page of one verdict: what it shows of its evidence, and that nothing in it runs or loads."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.ledgers import verdict_of
from support.preparation import picture
from support.strict_pages import StrictPage

from model import Meme, Policy, Verdict
from model.bundle import Thresholds, ThresholdsByModality
from model.ocr.types import OcrWord
from model.picture.views import View
from model.verdict import (
    Explanation,
    PairEffect,
    PictureEvidence,
    RegionEffect,
    TextEvidence,
    ViewEvidence,
    WordEffect,
    WordMethod,
)
from serving.explanation.evidence import Mark, TaskEvidence, evidence_of
from serving.explanation.page import write_explanation_page

LIMITS = ThresholdsByModality.alike(Thresholds(review=0.5, block=0.9))
POLICY = Policy("default", "1", {"hateful": LIMITS})
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
LEFT, RIGHT = (0, 0, 20, 24), (20, 0, 40, 24)
WORDS = (WordEffect("some", 0, 4, {"hateful": 0.2}), WordEffect("words", 5, 10, {"hateful": -0.1}))
REGIONS = (RegionEffect(LEFT, {"hateful": 0.3}), RegionEffect(RIGHT, {"hateful": -0.03}))
PAIR = PairEffect("some", 0, 4, RIGHT, {"hateful": 0.08}, only_together=("hateful",))
EXPLANATION = Explanation({"hateful": 0.4}, {"hateful": 0.6}, WORDS, REGIONS, (PAIR,))
PICTURE = PictureEvidence("png", 40, 24, False, 1, "ok", None, None)
MEME = Meme(picture(1), "digest", "some words")


def _verdict(text: str = "some words", explanation: Explanation = EXPLANATION, **changed: Any) -> Verdict:
    return replace(verdict_of(text), explanation=explanation, picture=PICTURE, **changed)


def _evidence(verdict: Verdict) -> TaskEvidence:
    assert verdict.explanation is not None
    (found,) = evidence_of(verdict, verdict.explanation, POLICY)
    return found


def _page(folder: Path, verdict: Verdict, *, name: str = "meme.png", meme: Meme = MEME) -> StrictPage:
    write_explanation_page(folder / "why.html", name, meme, verdict, POLICY)
    return StrictPage.of(folder / "why.html")


def _content(page: StrictPage, name: str) -> str:
    return " ".join(one.content for one in page.all(name))


def test_the_score_stands_beside_those_of_each_modality_alone() -> None:
    found = _evidence(_verdict())
    assert found.scores == (("the meme", 0.7), ("its words alone", 0.4), ("its picture alone", 0.6))
    assert found.thresholds == Thresholds(review=0.5, block=0.9)


def test_marks_are_as_strong_as_their_share_of_the_strongest_of_their_kind() -> None:
    found = _evidence(_verdict())
    assert [cell.mark.share for cell in found.regions if cell.mark] == pytest.approx([1.0, 0.1])
    assert [cell.is_numbered for cell in found.regions] == [True, False]
    assert [(one.text, one.mark and one.mark.way) for one in found.passages] == [
        ("some", "up"),
        (" ", None),
        ("words", "down"),
    ]


def test_effects_of_nothing_at_all_are_no_division_by_zero() -> None:
    still = replace(EXPLANATION, regions=(RegionEffect(LEFT, {"hateful": 0.0}),), pairs=())
    assert [cell.mark for cell in _evidence(_verdict(explanation=still)).regions] == [Mark(0.0, 0.0)]


def test_words_that_were_read_are_boxed_in_the_colour_of_their_effect() -> None:
    read = tuple(OcrWord(text, (0, 0, 9, 9), 0.9) for text in ("some", "words", "never"))
    verdict = _verdict(text="unused")
    verdict = replace(verdict, text=replace(TextEvidence.from_caller("some words"), words=read))
    assert [cell.mark and cell.mark.way for cell in _evidence(verdict).words] == ["up", "down", None]


def test_a_pair_is_told_by_the_row_and_column_of_its_region() -> None:
    (pair,) = _evidence(_verdict()).pairs
    assert (pair.word, pair.row, pair.column, pair.mark.signed, pair.only_together) == ("some", 1, 2, "+0.080", True)


def test_each_task_is_shown_on_the_view_that_decided_it(tmp_path: Path) -> None:
    colours = ("red", "blue")
    frames = tuple(View(Image.new("RGB", (40, 24), colour), frame=at) for at, colour in enumerate(colours))
    views = tuple(ViewEvidence(frame, None, "some words", {"hateful": 0.7}) for frame in (0, 1))
    regions = (RegionEffect(LEFT, {"offensive": 0.3}), RegionEffect(LEFT, {"hateful": 0.1}, view=1))
    verdict = replace(
        _verdict(explanation=replace(EXPLANATION, regions=regions, pairs=())),
        picture=replace(PICTURE, is_animated=True, n_frames=2, views=views, strictest=1),
        scores={"hateful": 0.7, "offensive": 0.6},
    )
    page = _page(tmp_path, verdict, meme=Meme(frames[0].image, "digest", "some words", views=frames))
    images = page.all("img")
    shown = [Image.open(io.BytesIO(base64.b64decode(one.attributes["src"].partition(",")[2]))) for one in images]
    assert [np.asarray(one)[12, 30].argmax() for one in shown] == [2, 0]  # the blue one, then the red one
    assert [one.attributes["alt"] for one in images] == [f"The picture of meme.png, frame {at} of 2" for at in (2, 1)]
    drawn = [one.attributes["class"] for one in page.all("svg") if one.attributes.get("role") == "img"]
    assert drawn == ["for-1", "for-2"]
    style = _content(page, "style")
    assert "#task-1:checked ~ .panes .view-1 { display: block; }" in style
    assert "#task-2:checked ~ .panes .view-2 { display: block; }" in style


def test_the_page_shows_the_picture_with_its_regions_and_words(tmp_path: Path) -> None:
    page = _page(tmp_path, _verdict())
    (image,) = page.all("img")
    shown = Image.open(io.BytesIO(base64.b64decode(image.attributes["src"].partition(",")[2])))
    assert shown.size == MEME.picture.size
    assert image.attributes["alt"] == "The picture of meme.png"
    heat = [one for one in page.all("rect") if one.attributes.get("width") == "20"]
    assert [one.attributes["class"] for one in heat] == ["up", "down"]
    assert [one.content for one in page.all("mark")] == ["some", "words"]
    tables = _content(page, "table")
    assert "+0.300" in tables
    assert "\u22120.100" in tables
    assert "row 1, column 2" in tables
    assert "review threshold" in _content(page, "header")


def test_the_page_runs_nothing_and_loads_nothing(tmp_path: Path) -> None:
    page = _page(tmp_path, _verdict())
    assert page.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert (page.loads(), page.handlers(), page.all("script"), page.all("link")) == ([], [], [], [])


def test_hostile_texts_are_shown_as_text(tmp_path: Path) -> None:
    word = WordEffect(HOSTILE[:30], 0, 30, {"hateful": 0.2})
    explanation = replace(EXPLANATION, words=(word,), pairs=(replace(PAIR, text=HOSTILE),), detail=HOSTILE)
    page = _page(tmp_path, _verdict(HOSTILE, explanation), name=HOSTILE)
    assert (page.loads(), page.handlers(), page.all("script"), len(page.all("img"))) == ([], [], [], 1)
    for name in ("title", "h1", "header", "p", "table"):
        assert HOSTILE in _content(page, name)


def test_a_large_picture_is_made_smaller_for_the_page(tmp_path: Path) -> None:
    page = _page(tmp_path, _verdict(), meme=Meme(picture(1, 3000, 1500), "digest", "some words"))
    (image,) = page.all("img")
    assert Image.open(io.BytesIO(base64.b64decode(image.attributes["src"].partition(",")[2]))).size == (1000, 500)
    assert (image.attributes["width"], image.attributes["height"]) == ("3000", "1500")


def test_what_was_not_asked_for_or_had_no_time_is_said(tmp_path: Path) -> None:
    explanation = Explanation({"hateful": 0.4}, None, (), detail="the time was over before the effects of words")
    page = _page(tmp_path, _verdict("", explanation))
    text = _content(page, "body")
    for said in ("Not all is here: the time was over", "Effects of regions are not here", "No words were judged"):
        assert said in text


def test_a_verdict_without_explanation_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no explanation"):
        write_explanation_page(tmp_path / "why.html", "meme.png", MEME, verdict_of(), POLICY)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("left_out", "with it, less without it."),
        ("shapley", "(Shapley values)."),
        ("mixed", "(Shapley values, of some parts: with it, less without it)."),
    ],
)
def test_what_an_effect_of_a_word_is_stands_over_the_words(tmp_path: Path, method: WordMethod, said: str) -> None:
    page = _page(tmp_path, _verdict(explanation=replace(EXPLANATION, method=method)))
    assert said in _content(page, "caption")
