"""The bundle in the repository, asked what a newcomer would ask it."""

import numpy as np
import pytest
from PIL import Image
from support.judgements import hateful

from model import Meme, Scorer, Verdict, load
from model.meme import DEFAULT_LIMITS
from training.data.meme_renderer import render_meme

MAX_BUNDLE_BYTES = 122_000_000
HARMLESS = (
    "when the code works on the first try",
    "me waiting for my pizza to arrive",
    "my cat at three in the morning",
    "monday mornings be like this",
)
#: Attacks without a slur. Abuse of people whom nothing protected marks ("those people") is not hate; it may be allowed.
ATTACKS = (
    "those people are filthy vermin and should all be killed",
    "i hate those immigrants they are disgusting animals",
    "that religion is a disease and its followers are subhuman",
    "send those immigrants to the gas chambers",
)


@pytest.fixture(scope="module")
def reading_scorer() -> Scorer:
    return load()


def verdict_on(scorer: Scorer, words: str, seed: int) -> Verdict:
    """Drawn on a picture made from ``seed``; the words are left to OCR."""
    picture = render_meme(None, [words], style="caption_bar", rng=np.random.default_rng(seed)).image
    meme = Meme(picture, digest="drawn", text=None)
    (verdict,) = scorer.score([meme])
    assert isinstance(verdict, Verdict)
    return verdict


def test_every_attack_scores_above_every_harmless_caption(reading_scorer: Scorer) -> None:
    harmless = [hateful(verdict_on(reading_scorer, words, seed)) for seed, words in enumerate(HARMLESS)]
    attacks = [hateful(verdict_on(reading_scorer, words, seed)) for seed, words in enumerate(ATTACKS)]
    assert max(harmless) < min(attacks)


def test_attacks_are_never_allowed_and_harmless_captions_are(reading_scorer: Scorer) -> None:
    assert {verdict_on(reading_scorer, words, 5).decision for words in HARMLESS} == {"allow"}
    assert "allow" not in {verdict_on(reading_scorer, words, 5).decision for words in ATTACKS}


def test_the_picture_takes_part_in_the_score(reading_scorer: Scorer) -> None:
    shades = (Image.new("RGB", (300, 200), colour) for colour in ("white", "navy"))
    first, second = reading_scorer.score([Meme(shade, digest="shade", text=HARMLESS[0]) for shade in shades])
    assert isinstance(first, Verdict)
    assert isinstance(second, Verdict)
    assert first.scores["hateful"] != second.scores["hateful"]


def test_the_bundle_keeps_to_its_size_and_to_the_limits_of_a_meme(reading_scorer: Scorer) -> None:
    bundle = reading_scorer.bundle
    assert sum(bundle.file(name).stat().st_size for name in bundle.manifest.files) <= MAX_BUNDLE_BYTES
    assert bundle.manifest.preprocess.max_tags >= DEFAULT_LIMITS.max_tags
