from dataclasses import replace
from pathlib import Path

import pytest
from support.pictures import meme
from support.preparation import picture
from support.shared_space import with_shared_space
from support.tiny import TinyBundle

from model import Meme, Scorer, load
from model.bundle import Bundle, Thresholds, ThresholdsByModality
from model.known.category_file import CategoryFileError
from model.policy.policy import Policy
from model.verdict import Verdict

WORDS = ("one cat", "two cats", "three cats", "four cats", "five cats")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two categories: sentences, and pictures with words."""
    for seed in range(5):
        picture(seed).save(tmp_path / f"{seed}.png")
    memes = ", ".join(f"{{image: {seed}.png, text: 99 {seed}}}" for seed in range(5))
    path = tmp_path / "categories.yaml"
    path.write_text(
        "format_version: 1\ncategories:\n"
        f"  cats: {{examples: [{', '.join(WORDS)}]}}\n  numbers: {{examples: [{memes}]}}\n"
    )
    return path


def of_words(scorer: Scorer, text: str) -> Verdict:
    (verdict,) = scorer.score([Meme.from_text(text)])
    assert isinstance(verdict, Verdict)
    return verdict


def test_categories_are_scored_beside_the_tasks_which_stay_as_they_are(tiny: TinyBundle, file: Path) -> None:
    plain, scorer = (load(tiny.bundle.path, ocr="none", categories=categories) for categories in (None, file))
    (without,), (verdict,) = (one.score([Meme.from_bytes(meme(), text="99 7")]) for one in (plain, scorer))
    assert isinstance(without, Verdict)
    assert isinstance(verdict, Verdict)
    assert (verdict.scores, verdict.decision) == (without.scores, without.decision)
    assert (without.categories, without.categories_digest) == ({}, None)
    assert list(verdict.categories) == ["cats", "numbers"]
    assert scorer.categories is not None
    assert verdict.categories_digest == scorer.categories.digest
    for words in WORDS:
        scores = of_words(scorer, words).categories
        assert scores["cats"] > max(0.5, scores["numbers"])


def test_a_threshold_on_a_category_decides(tiny: TinyBundle, file: Path) -> None:
    scorer = load(tiny.bundle.path, ocr="none", categories=file)
    limits = ThresholdsByModality.alike(Thresholds(review=0.5, block=None))
    scorer.policy = Policy("p", "1", {"categories.cats": limits})
    verdict = of_words(scorer, WORDS[0])
    assert verdict.decision == "review"
    assert verdict.policy.reasons == (f"categories.cats {verdict.categories['cats']:.3f} >= review threshold 0.500",)
    plain = load(tiny.bundle.path, ocr="none", policy=scorer.policy)
    assert of_words(plain, WORDS[0]).decision == "allow"


def test_where_towers_share_a_space_a_description_is_scored(tiny: TinyBundle, tmp_path: Path) -> None:
    path = tmp_path / "categories.yaml"
    path.write_text("format_version: 1\ncategories:\n  cats: {description: cat}\n  dogs: {description: 99 88 77}\n")
    (tmp_path / "shared").mkdir()
    scorer = load(with_shared_space(tiny, tmp_path / "shared").path, ocr="none", categories=path)
    scores = of_words(scorer, "cat").categories
    assert scores["cats"] > max(0.5, scores["dogs"])
    (verdict,) = scorer.score([Meme.from_bytes(meme(), text="")])
    assert isinstance(verdict, Verdict)
    assert set(verdict.categories) == {"cats", "dogs"}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("a: {description: cats}", "categories.a.description: the bundle tiny 0.0.1 has no space"),
        ("a: {examples: [one, two, three, four, {image: no.png}]}", "categories.a.examples: example 5: "),
        (
            'a: {examples: [one, two, three, four, "\u200b"]}',
            "categories.a.examples: example 5: the model sees nothing",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(tiny: TinyBundle, tmp_path: Path, entry: str, told: str) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    path = tmp_path / "categories.yaml"
    path.write_text(f"format_version: 1\ncategories:\n  {entry}\n")
    with pytest.raises(CategoryFileError) as caught:
        load(tiny.bundle.path, ocr="none", categories=path)
    assert told in str(caught.value)


def test_a_bundle_that_tells_nothing_of_words_takes_pictures_alone(
    tiny: TinyBundle, tmp_path: Path, file: Path
) -> None:
    silent = _silent(tiny, tmp_path / "silent")
    with pytest.raises(CategoryFileError, match="example 1: this bundle tells nothing of words; give pictures"):
        load(silent.path, ocr="none", categories=file)
    memes = ", ".join(f"{{image: {seed}.png}}" for seed in range(5))
    file.write_text(f"format_version: 1\ncategories:\n  numbers: {{examples: [{memes}]}}\n")
    scorer = load(silent.path, ocr="none", categories=file)
    (verdict,) = scorer.score([file.parent / "0.png"])
    assert isinstance(verdict, Verdict)
    assert verdict.categories["numbers"] > 0.5
    assert of_words(scorer, "words").categories == {}


def _silent(tiny: TinyBundle, folder: Path) -> Bundle:
    head = tiny.parts.head.model_copy(update={"text_output": None, "text_width": None})
    return replace(tiny.written_anew(folder, head=head))
