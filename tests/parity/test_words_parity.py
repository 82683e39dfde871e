"""Serving, training and evaluation agree on which texts hold words, and so on which pictures are read."""

import json
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError
from support.ocr_cache import LevelEngine
from support.tiny import TinyBundle

from model.meme import Meme, has_words
from serving.openai.request import parse_moderation
from serving.schemas.requests import ClassifyItem
from serving.settings.settings import Settings
from training.curation.gather import SplitSamples
from training.curation.labels import count
from training.data.modalities import Modalities
from training.data.ocr_cache import read_missing_texts
from training.datasets import Loaded, Sample
from training.evaluation.evaluate_set import Options, evaluate_set, labelled_set
from training.evaluation.options import Setup
from training.kernel.memory import whole_rows

WORDLESS = {
    "nothing": "",
    "white space": " \t\n\u2003\u2028",
    "control characters": "\x00\x1b\x7f\x85",
    "zero-width characters": "\u200b\u200d\u2060\ufeff",
    "direction marks and a soft hyphen": "\u202e\u2066\u00ad",
    "fillers of Hangul": "\u115f\u1160\u3164\uffa0",
    "selectors, a grapheme joiner, tags and inherent vowels": "\ufe0f\U000e0100\u180b\u034f\U000e0041\u17b4",
    "blank glyphs": "\u2800\U0001d159",
}
WORDS = {
    "letters": "words",
    "a private-use character": "\ue000",
    "a private-use character beyond the first plane": "\U000f0000",
    "a combining accent alone": "\u0301",
    "an unassigned character": "\u0378",
    "a sign": "?",
    "an emoji": "🐀",
    "a letter among zero-width characters": "\u200ba\u200b",
}
ALL = {**dict.fromkeys(WORDLESS.values(), False), **dict.fromkeys(WORDS.values(), True)}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    Image.new("RGB", (24, 24), (90, 90, 90)).save(path)
    return path


def sample_of(text: str, picture: Path | None) -> Sample:
    return Sample("1", "set", "dev", text, {"hateful": 1}, image=picture)


@pytest.mark.parametrize(("text", "expected"), ALL.items(), ids=[*WORDLESS, *WORDS])
def test_serving_takes_a_text_for_words_where_the_definition_does(text: str, expected: bool, picture: Path) -> None:
    assert has_words(text) is expected
    assert (Meme.from_file(picture, text=text).text is not None) is expected
    assert (Meme.from_text(text).text != "") is expected
    assert is_accepted_alone(text) is expected
    body = json.dumps({"input": text}).encode()
    (post,) = parse_moderation("application/json", body, Settings()).posts
    assert (post.words is not None) is expected


def is_accepted_alone(text: str) -> bool:
    try:
        ClassifyItem(text=text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("text", "expected"), ALL.items(), ids=[*WORDLESS, *WORDS])
def test_training_takes_a_text_for_words_where_serving_does(text: str, expected: bool, picture: Path) -> None:
    engine, sample = LevelEngine(), sample_of(text, picture)
    (taken,) = read_missing_texts([sample], "missing", engine, picture.parent / "cache")
    assert engine.n_reads == (0 if expected else 1)
    assert (taken.text == text) is expected
    assert len(whole_rows([sample], Modalities())) == int(expected)
    part = SplitSamples("dev", [sample], [None], [""], 1, [])
    assert count(part).n_empty_text == int(not expected)


def test_evaluation_counts_the_words_that_serving_takes(tiny: TinyBundle, picture: Path) -> None:
    samples = [sample_of(text, picture) for text in ALL]
    loaded = Loaded([*samples, Sample("other", "set", "dev", "words", {"hateful": 0}, image=picture)])
    labelled = labelled_set("set", loaded, tiny.bundle.tasks)
    result, _ = evaluate_set(tiny.bundle, labelled, Options(Setup(LevelEngine(), n_resamples=10)))
    assert result.n_with_words == len(WORDS) + 1
    assert [f"{len(WORDLESS)} items have no words" in note for note in result.notes] == [True]
