import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.dataset_files import write_hateful_memes, write_multioff

from benchmarks.known import CAPTION_CHANGE, PICTURE_DISTANCES, WORDS_DISTANCES, Measured, measure
from benchmarks.known_alterations import ALTERATIONS, misread
from benchmarks.known_memes import HALVES, Shown, memes
from benchmarks.known_report import report


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    colours = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_multioff(folder / "multioff")
    write_hateful_memes(folder / "religious_memes")
    (folder / "imgflip/templates").mkdir(parents=True)
    captions = []
    for number in range(4):
        photo(number).save(folder / f"imgflip/templates/Template-{number}.jpg")
        captions += [{"template": f"Template-{number}", "boxes": [f"caption {at} of {number}"]} for at in range(5)]
    with gzip.open(folder / "imgflip/captions.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(caption) + "\n" for caption in captions)
    return folder


def test_memes_of_one_picture_are_in_one_half_and_no_test_split_is_read(data: Path) -> None:
    shown = list(memes(data, 40, seed=1, alter_every=4))
    assert len(shown) == 40
    halves: dict[str, set[str]] = {}
    for meme in shown:
        halves.setdefault(meme.picture, set()).add(meme.half)
    assert all(len(found) == 1 for found in halves.values())
    assert {half for found in halves.values() for half in found} == set(HALVES)
    assert any(meme.recaptioned is not None for meme in shown)


def test_a_report_has_every_alteration_and_distance(data: Path) -> None:
    measured = measure(memes(data, 40, seed=1, alter_every=4), seed=1)
    figures = {half: found.figures() for half, found in measured.items()}
    assert set(figures["report"]["altered"]) == {*ALTERATIONS, CAPTION_CHANGE}
    page = report(json.loads(json.dumps(figures)))
    for name in (*ALTERATIONS, *map(str, PICTURE_DISTANCES), *map(str, WORDS_DISTANCES)):
        assert f"| {name} |" in page
    assert "{" not in page.replace("{}", "")


def test_small_changes_are_found_and_different_pictures_are_not() -> None:
    rng, measured = np.random.default_rng(0), Measured()
    for seed in range(6):
        words = " ".join(
            np.random.default_rng(seed).permutation(["we", "know", "nothing", "of", "monday", "so", "far"])
        )
        measured.add(Shown(f"set/{seed}", photo(seed), words, is_altered=True), rng)
    figures = measured.figures()
    for name in ("half the size", "JPEG of quality 30", "mirrored", "grey", "white border 5 %"):
        assert figures["altered"][name]["40"] == 1
    assert figures["altered"]["crop 20 %"]["31"] == 0
    assert figures["pictures_apart"]["40"] == {"one_template_pairs": 0, "false_pairs": 0, "false_memes": 0}


def test_memes_on_one_template_are_counted_apart_from_false_matches() -> None:
    measured = Measured()
    for seed in (1, 1, 2):
        measured.add(Shown(f"Template-{seed}", photo(seed), "words"), np.random.default_rng(0))
    found = measured.figures()["pictures_apart"]["31"]
    assert found == {"one_template_pairs": 1, "false_pairs": 0, "false_memes": 0}


def test_what_has_no_quality_is_not_found() -> None:
    measured = Measured()
    measured.add(Shown("set/blank", Image.new("RGB", (90, 90)), "", is_altered=True), np.random.default_rng(0))
    assert {shares["60"] for shares in measured.figures()["altered"].values()} == {0}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alterations_give_pictures_of_any_size(name: str) -> None:
    for size in ((320, 240), (40, 60)):
        altered = ALTERATIONS[name](photo(1, size), np.random.default_rng(1))
        assert altered.mode == "RGB"
        assert min(altered.size) >= 8


@given(st.text("abc ", min_size=1), st.floats(0, 1), st.integers(0, 100))
def test_misread_texts_have_another_character_at_least(text: str, share: float, seed: int) -> None:
    other = misread(text, share, np.random.default_rng(seed))
    assert abs(len(other) - len(text)) <= max(1, round(share * len(text)))
