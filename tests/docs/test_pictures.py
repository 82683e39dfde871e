"""The picture of a verdict against a verdict."""

import re

import pytest
from support import ROOT
from support.scripts import script

from model import Verdict, load

SVG = (ROOT / "docs" / "verdict.svg").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    scorer = load(threads=1)
    (result,) = scorer.score([script("demo").sample_meme()], explain=True)
    assert isinstance(result, Verdict)
    return result


def test_the_picture_is_small_and_says_how_it_was_made() -> None:
    assert len(SVG) < 100_000
    assert "Made by `python scripts/draw_verdict.py`" in SVG


def test_the_picture_shows_what_is_said_of_the_meme_today(verdict: Verdict) -> None:
    told = re.findall(r"<text [^>]*>([^<]+)</text>", SVG)
    assert verdict.decision in told
    assert "; ".join(verdict.policy.reasons) in told
    assert f"policy default {verdict.policy.version} · model compact {verdict.model.version} · rapidocr 3.10.0" in told
    numbers = [float(text) for text in told if re.fullmatch(r"\d\.\d\d", text)]
    explanation = verdict.explanation
    assert explanation is not None
    by_task = [
        scores[task]
        for task, score in verdict.scores.items()
        if isinstance(score, float)
        for scores in (verdict.scores, explanation.text_alone or {}, explanation.image_alone or {})
    ]
    assert numbers == pytest.approx(by_task, abs=0.02)  # another processor rounds otherwise


def test_the_picture_shows_every_word_that_was_read_with_its_effect(verdict: Verdict) -> None:
    explanation = verdict.explanation
    assert explanation is not None
    drawn = re.findall(r'data-word="([^"]+)" data-effect="([^"]+)"', SVG)
    assert [word for word, _ in drawn] == [word.text for word in explanation.words]
    effects = [word.effects["hateful"] for word in explanation.words]
    assert [float(effect) for _, effect in drawn] == pytest.approx(effects, abs=0.02)
    assert SVG.count('stroke="#ffd54a"') == len(verdict.text.words)
