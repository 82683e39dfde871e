"""Seeds from files and sets, and the pictures that they are drawn into."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets import DatasetError
from training.stress.scenes import SIZE_PX, passed_over_in_words, scenes
from training.stress.seeds import Seeds, load_seeds

ROWS = [
    {"text": "tea is fine", "label": 0},
    {"text": "all Martians are thieves", "label": 1, "group": "Martians"},
    {"text": "tea is fine", "label": 0},
    {"text": "", "label": 1},
    {"text": "x " * 200, "label": 0},
    {"text": "nobody said of what class this is", "label": None},
]


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "seeds.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return path


def test_a_file_of_one_s_own_gives_its_sentences_once_with_label_and_group(own_file: Path) -> None:
    found = load_seeds(str(own_file))
    assert [(seed.text, seed.hateful, seed.group) for seed in found.seeds] == [
        ("tea is fine", False, None),
        ("all Martians are thieves", True, "Martians"),
    ]
    assert len({seed.id for seed in found.seeds}) == 2
    assert found.licence is None


def test_rows_that_were_left_out_are_counted_with_the_reason(own_file: Path) -> None:
    said = " | ".join(load_seeds(str(own_file)).left_out)
    assert "1 the same as another" in said
    assert "longer than 280 characters" in said
    assert "1 without a label of the task hateful" in said


def test_a_csv_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,label,group\ntea is fine,0,\nall Martians are thieves,1,Martians\n", encoding="utf-8")
    assert [(seed.hateful, seed.group) for seed in load_seeds(str(path)).seeds] == [(False, None), (True, "Martians")]


def test_a_set_that_comes_with_the_code_is_taken_by_its_name_with_licence_and_groups() -> None:
    found = load_seeds("minimal_pairs")
    assert "licence of this repository" in str(found.licence)
    assert {seed.hateful for seed in found.seeds} == {True, False}
    assert any(seed.group for seed in found.seeds)


def test_a_limit_takes_as_many_of_each_label_and_the_same_at_every_run() -> None:
    found = load_seeds("minimal_pairs")
    first, second = (found.limited(5, np.random.default_rng(3)) for _ in range(2))
    assert first == second
    assert sum(seed.hateful for seed in first.seeds) == 5
    assert len(first.seeds) == 10
    assert Seeds(found.seeds[:3], None).limited(9, np.random.default_rng(0)).seeds == found.seeds[:3]


def test_a_file_without_a_labelled_sentence_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,offensive\ntea is fine,0\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no sentence with a label of the task hateful"):
        load_seeds(str(path))
    with pytest.raises(DatasetError, match="missing"):
        load_seeds(str(tmp_path / "nothing.csv"))


def test_scenes_are_drawn_without_end_and_alike_for_one_number() -> None:
    first, second = (scenes(None, np.random.default_rng(5)) for _ in range(2))
    drawn = [(next(first), next(second)) for _ in range(5)]
    assert all(one == other for one, other in drawn)
    assert {one.size for one, _ in drawn} == {SIZE_PX}
    assert len({one.tobytes() for one, _ in drawn}) == 5


def test_pictures_of_a_folder_come_again_and_those_of_no_use_never_and_that_is_said(tmp_path: Path) -> None:
    Image.new("RGB", (1600, 400), (9, 9, 9)).save(tmp_path / "wide.png")
    Image.new("RGB", (1700, 300)).save(tmp_path / "flat.png")  # 800 by 141, made smaller
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    passed_over: set[Path] = set()
    given = scenes(tmp_path, np.random.default_rng(0), passed_over)
    assert [next(given).size for _ in range(3)] == [(800, 200)] * 3
    assert {path.name for path in passed_over} == {"broken.jpg", "flat.png"}
    (said,) = passed_over_in_words(passed_over)
    assert said.endswith("passed over: 2; they cannot be opened, or are less than 160 pixels high or wide.")
    assert passed_over_in_words(set()) == ()


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no picture that can be opened"):
        next(scenes(tmp_path, np.random.default_rng(0)))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (159, 400)).save(tmp_path / "narrow.png")
    with pytest.raises(DatasetError, match="and is at least 160 pixels high and wide"):
        next(scenes(tmp_path, np.random.default_rng(0)))
