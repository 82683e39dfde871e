import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import ROOT
from support.ocr_cache import LevelEngine, samples_of

import model.ocr
from model.budget import Budget
from model.errors import EngineUnavailableError
from model.ocr import OcrWord, make_engine
from model.ocr.base import Found
from training.data import ocr_cache
from training.data.ocr_cache import ReadingCache, engine_key, read_missing_texts, read_texts
from training.datasets.base import Sample

WRITER = ROOT / "tests/support/ocr_cache.py"


def grey_pictures(folder: Path, levels: range) -> Path:
    folder.mkdir(exist_ok=True)
    for level in levels:
        Image.new("RGB", (4, 4), (level, level, level)).save(folder / f"{level:03}.png")
    return folder


def first_words(samples: list[Sample]) -> list[str]:
    return [sample.text.split(" ")[0] for sample in samples]


def start_writer(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_only_blank_texts_are_read_when_the_missing_ones_are_asked_for(tmp_path: Path) -> None:
    first, second, third = samples_of(grey_pictures(tmp_path / "p", range(20, 23)))
    samples = [replace(first, text="given"), second, replace(third, text=" \u200b ")]
    engine = LevelEngine()
    assert first_words(read_missing_texts(samples, "missing", engine, tmp_path / "c")) == [
        "given",
        "level21",
        "level22",
    ]
    assert engine.n_reads == 2


def test_given_texts_need_no_engine_and_always_reads_over_them(tmp_path: Path) -> None:
    samples = samples_of(grey_pictures(tmp_path / "p", range(20, 22)), text="given")
    assert read_missing_texts(samples, "given", make_engine("none"), tmp_path / "c") == samples
    assert first_words(read_missing_texts(samples, "always", LevelEngine(), tmp_path / "c")) == ["level20", "level21"]


def test_an_engine_that_is_off_is_an_error_and_no_empty_text(tmp_path: Path) -> None:
    samples = samples_of(grey_pictures(tmp_path / "p", range(20, 21)))
    with pytest.raises(EngineUnavailableError, match="OCR is switched off"):
        read_missing_texts(samples, "missing", make_engine("none"), tmp_path / "c")


def test_a_sample_without_a_picture_stays_as_it_is(tmp_path: Path) -> None:
    (sample,) = samples_of(grey_pictures(tmp_path / "p", range(20, 21)))
    text_only = replace(sample, image=None)
    assert read_missing_texts([text_only], "always", LevelEngine(), tmp_path / "c") == [text_only]


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = grey_pictures(tmp_path / "p", range(13, 15))
    (folder / "broken.png").write_bytes(b"no picture")
    samples = samples_of(folder)
    loaded = read_texts(samples, "missing", LevelEngine(), tmp_path / "c")
    assert [sample.id for sample in loaded.samples] == ["014.png"]
    assert [(item.place, item.reason) for item in loaded.skipped] == [
        ("grey train, id 013.png", "013.png: OCR failed (ValueError)"),
        ("grey train, id broken.png", loaded.skipped[1].reason),
    ]
    assert "unsupported_format" in loaded.skipped[1].reason
    with caplog.at_level(logging.WARNING):
        read_missing_texts(samples, "missing", LevelEngine(), tmp_path / "c")
    assert "id broken.png" in caplog.text


def test_readings_of_another_engine_of_the_networks_are_others() -> None:
    engines = [make_engine("rapidocr", engine=engine) for engine in ("onnxruntime", "openvino", "cuda")]
    assert len({engine_key(engine) for engine in engines}) == 3


@pytest.mark.parametrize("name", ["rapid/ranges.json", "ctc.py"])
def test_readings_by_other_settings_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    copy = Path(shutil.copytree(model.ocr.__path__[0], tmp_path / "ocr"))
    monkeypatch.setattr(model.ocr, "__path__", [str(copy)])
    keys = []
    for added in ("", " "):
        (copy / name).write_text((copy / name).read_text(encoding="utf-8") + added, encoding="utf-8")
        ocr_cache._code_digest.cache_clear()
        keys.append(engine_key(make_engine("rapidocr", engine="onnxruntime")))
    ocr_cache._code_digest.cache_clear()
    assert keys[0] != keys[1]


def test_a_failed_reading_is_tried_again(tmp_path: Path) -> None:
    samples = samples_of(grey_pictures(tmp_path / "p", range(13, 14)))
    engine = LevelEngine()
    for _ in range(2):
        read_texts(samples, "missing", engine, tmp_path / "c")
    assert engine.n_reads == 2


class PartialEngine(LevelEngine):
    """Reads one word, and leaves another unread or runs out of time."""

    def __init__(self, *, is_complete: bool) -> None:
        super().__init__()
        self._is_complete = is_complete

    def _find(self, image: NDArray[np.uint8], budget: Budget) -> Generator[None, None, Found]:
        yield
        self.n_reads += 1
        return Found([[OcrWord("read", (0, 0, 2, 2), 0.9)]], unread=[(2, 2, 4, 4)], is_complete=self._is_complete)


def test_what_was_read_of_a_picture_in_part_is_used_and_kept_with_what_was_not(tmp_path: Path) -> None:
    folder = grey_pictures(tmp_path / "p", range(20, 21))
    engine = PartialEngine(is_complete=True)
    first, second = (ReadingCache(engine, tmp_path / "c").read(folder / "020.png") for _ in range(2))
    assert (first.status, first.text, first.unread) == ("partial", "read", ((2, 2, 4, 4),))
    assert second == first
    assert engine.n_reads == 1
    assert first_words(read_missing_texts(samples_of(folder), "missing", engine, tmp_path / "c")) == ["read"]


def test_a_reading_that_ran_out_of_time_is_used_and_tried_again(tmp_path: Path) -> None:
    samples = samples_of(grey_pictures(tmp_path / "p", range(20, 21)))
    engine = PartialEngine(is_complete=False)
    for _ in range(2):
        assert first_words(read_missing_texts(samples, "missing", engine, tmp_path / "c")) == ["read"]
    assert engine.n_reads == 2


def test_a_reading_is_kept_until_the_picture_or_the_engine_changes(tmp_path: Path) -> None:
    folder = grey_pictures(tmp_path / "p", range(20, 23))
    engine, newer = LevelEngine(), LevelEngine(version="2")
    first = read_missing_texts(samples_of(folder), "missing", engine, tmp_path / "c")
    assert read_missing_texts(samples_of(folder), "missing", engine, tmp_path / "c") == first
    assert engine.n_reads == 3
    (folder / "020.png").write_bytes((folder / "021.png").read_bytes())
    assert first_words(read_missing_texts(samples_of(folder), "missing", engine, tmp_path / "c"))[0] == "level21"
    assert engine.n_reads == 3  # those bytes were read before, under another name
    read_missing_texts(samples_of(folder), "missing", newer, tmp_path / "c")
    assert newer.n_reads == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content.replace(b"level20", b"level99"),
        lambda content: content.replace(b'"reading"', b'"raeding"'),
        lambda content: b"[]",
        lambda content: b"\xff" + content,
    ],
)
def test_a_damaged_reading_is_read_anew_and_repaired(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    samples = samples_of(grey_pictures(tmp_path / "p", range(20, 21)))
    engine = LevelEngine()
    expected = read_missing_texts(samples, "missing", engine, tmp_path / "c")
    (stored,) = (tmp_path / "c").rglob("*.json")
    whole = stored.read_bytes()
    stored.write_bytes(damage(whole))
    assert read_missing_texts(samples, "missing", engine, tmp_path / "c") == expected
    assert (engine.n_reads, stored.read_bytes()) == (2, whole)


def test_a_killed_writer_leaves_only_whole_readings(tmp_path: Path) -> None:
    pictures, cache = grey_pictures(tmp_path / "p", range(20, 250)), tmp_path / "c"
    writer = start_writer(cache, pictures, 0.02)  # 4.6 s in all: it is killed long before its end
    deadline = time.monotonic() + 60
    while len(list(cache.rglob("*.json"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=30)
    assert writer.returncode == -signal.SIGKILL
    stored = list(cache.rglob("*.json"))
    assert 5 <= len(stored) < 230
    assert all(len(json.loads(path.read_bytes())["reading"]["words"]) == 400 for path in stored)
    engine = LevelEngine()
    read = read_missing_texts(samples_of(pictures), "missing", engine, cache)
    assert first_words(read) == [f"level{level}" for level in range(20, 250)]
    assert engine.n_reads == 230 - len(stored)


def test_two_processes_fill_one_cache(tmp_path: Path) -> None:
    pictures, cache = grey_pictures(tmp_path / "p", range(20, 90)), tmp_path / "c"
    writers = [start_writer(cache, pictures) for _ in range(2)]
    outputs = [writer.communicate(timeout=60)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    texts = [json.loads(output) for output in outputs]
    assert texts[0] == texts[1]
    assert [text.split(" ")[0] for text in texts[0]] == [f"level{level}" for level in range(20, 90)]
    assert len(list(cache.rglob("*"))) == 1 + 70  # the engine's folder; nothing temporary is left


def test_reading_with_several_workers_gives_the_same_texts_in_order(tmp_path: Path) -> None:
    samples = samples_of(grey_pictures(tmp_path / "p", range(20, 40)))
    read = read_missing_texts(samples, "missing", LevelEngine(), tmp_path / "c", workers=4)
    assert first_words(read) == [f"level{level}" for level in range(20, 40)]
