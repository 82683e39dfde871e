import csv
import gzip
import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.ocr import NOVEMBER, PLAIN, TEMPLATES_WITH_WORDS, main, measure, multioff_memes, rendered_memes
from training.data.meme_renderer import render_meme


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two imgflip templates, one of which has words of its own, and a MultiOFF split of one picture and a lost one."""
    templates = tmp_path / "imgflip" / "templates"
    templates.mkdir(parents=True)
    labelled = sorted(TEMPLATES_WITH_WORDS)[0]
    for name in ("Plain", labelled):
        Image.new("RGB", (400, 300), (60, 90, 60)).save(templates / f"{name}.jpg")
    captions = [{"template": "Plain", "boxes": ["up", "down"]}, {"template": labelled, "boxes": ["never drawn"]}]
    with gzip.open(tmp_path / "imgflip" / "captions.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(caption) + "\n" for caption in captions)
    pictures, splits = tmp_path / "multioff" / "Labelled Images", tmp_path / "multioff" / "Split Dataset"
    pictures.mkdir(parents=True)
    splits.mkdir()
    meme = render_meme(None, ["four words of text"], style="caption_bar", rng=np.random.default_rng(0))
    meme.image.save(pictures / "a.png")
    with (splits / "Testing_meme_dataset.csv").open("w", encoding="utf-8", newline="") as csv_file:
        rows = [
            ("image_name", "sentence", "label"),
            ("lost.png", "x", "offensive"),
            ("a.png", "four words of text", "Non-offensiv"),
        ]
        csv.writer(csv_file).writerows(rows)
    return tmp_path


def test_rendered_memes_leave_out_templates_with_words_and_repeat_with_the_seed(data: Path) -> None:
    first = list(rendered_memes(data / "imgflip", 6, seed=1))
    again = list(rendered_memes(data / "imgflip", 6, seed=1))
    assert {text.lower() for _, text in first} == {"up\ndown"}
    assert all(np.array_equal(picture, other) for (picture, _), (other, _) in zip(first, again, strict=True))


def test_rendered_memes_are_shown_in_the_size_asked_for(data: Path) -> None:
    whole, smaller = (list(rendered_memes(data / "imgflip", 2, seed=1, scale=scale)) for scale in (1.0, 0.5))
    assert [text for _, text in smaller] == [text for _, text in whole]
    assert [tuple(np.array(picture.shape[:2]) * 2) for picture, _ in smaller] == [p.shape[:2] for p, _ in whole]


def test_multioff_rows_without_a_picture_are_passed_over(data: Path) -> None:
    assert [sentence for _, sentence in multioff_memes(data / "multioff", "test", 9)] == ["four words of text"]


def test_a_failed_read_counts_as_failed_and_as_nothing_read() -> None:
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    measured = measure(iter([(picture, "two words")]), {"broken": lambda _: None})["broken"]
    assert measured.n_failed == 1
    assert measured.score.word_f1 == 0.0


@pytest.mark.parametrize(("warm", "expected"), [(False, 4), (True, 6)])
def test_a_warm_reading_comes_after_one_that_is_not_counted(warm: bool, expected: int) -> None:
    seen: list[int] = []
    pictures = [np.full((4, 4, 3), shade, dtype=np.uint8) for shade in range(3)]

    def read(picture: NDArray[np.uint8]) -> str:
        seen.append(int(picture[0, 0, 0]))
        return "word" if seen.count(seen[-1]) > 1 else "other"

    measured = measure(iter([(picture, "word") for picture in pictures]), {"counting": read}, warm=warm)["counting"]
    assert (len(seen), measured.n_pictures) == (expected, 3)
    assert measured.score.word_f1 == pytest.approx(1.0 if warm else 1 / 3)


def test_the_benchmark_prints_a_table_and_writes_its_figures(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = data / "ocr.json"
    main(["--data", str(data), "--n", "1", "--engines", "rapidocr:onnxruntime", "--threads", "1", "--out", str(out)])
    table = capsys.readouterr().out.strip().splitlines()
    assert len(table) == 2 + 2 * 3
    assert len({row.count("|") for row in table}) == 1
    figures = json.loads(out.read_text(encoding="utf-8"))["results"]["MultiOFF test"]
    now, november = figures[f"rapidocr {metadata.version('rapidocr')} on onnxruntime"], figures[NOVEMBER]
    assert now["word_f1"] == november["word_f1"] == 1.0
    assert now["pictures"] == 1
    assert now["detector_pixels_per_picture"] == pytest.approx(november["detector_pixels_per_picture"], rel=0.1)
    assert 0 < now["recogniser_pixels_per_picture"] <= november["recogniser_pixels_per_picture"]
    assert 0 < now["detector_share_of_time"] + now["recogniser_share_of_time"] < 1
    assert "detector_share_of_time" not in figures[PLAIN]


def test_an_unknown_engine_ends_the_benchmark_by_name(data: Path) -> None:
    with pytest.raises(ValueError, match="unknown OCR engine"):
        main(["--data", str(data), "--engines", "abbyy"])
