from pathlib import Path

import numpy as np
import pytest
from support.dataset_files import write_hateful_memes
from support.published_clip import publish, tiny_clip
from support.runs import config_document, write_compact_weights, write_open_clip_weights

from model.runtime import ImageTower
from training.errors import ConfigError
from training.run.backbone import RunTowers, open_towers
from training.run.config import TrainConfig
from training.run.image_tower import calibration_pictures, finish_towers
from training.run.load_data import RunData, load_run_data

_STATIC = {"precision": "static_int8", "calibration_pictures": 5}


def published_weights(folder: Path) -> dict[str, object]:
    backbone = write_compact_weights(folder)
    publish(tiny_clip(), folder / "tower.onnx")
    return backbone


def config(tmp_path: Path, backbone: dict[str, object], **changed: object) -> TrainConfig:
    memes = write_hateful_memes(tmp_path / "memes", {"train": 8, "dev": 4})
    return TrainConfig.model_validate(config_document(backbone, data={"train": [f"{memes}:train"]}, **changed))


def finished(config: TrainConfig, cache: Path) -> tuple[RunTowers, RunData]:
    data = load_run_data(config, cache)
    return finish_towers(open_towers(config, cache), config, data, cache), data


def test_a_published_tower_is_run_for_smaller_pictures_in_static_int8(tmp_path: Path) -> None:
    asked = config(tmp_path, published_weights(tmp_path / "weights"), image_tower={**_STATIC, "side_px": 24})
    towers, _ = finished(asked, tmp_path / "cache")
    assert towers.spec is not None
    assert towers.image_path is not None
    assert (towers.spec.static_int8, towers.spec.batch_invariant, towers.spec.precision) == (True, True, "int8")
    assert towers.preprocess.side_px == towers.backbone.side_px == 24
    assert (towers.spec.embed_width, towers.spec.patch_width) == (16, 128)
    pixels = np.random.default_rng(0).standard_normal((2, 3, 24, 24)).astype(np.float32)
    found = ImageTower(towers.image_path, towers.spec).encode(pixels)
    assert (found.embeds.shape, found.patches.shape) == ((2, 16), (2, 10, 128))


def test_it_is_quantised_once_for_its_weights_and_pictures(tmp_path: Path) -> None:
    asked = config(tmp_path, write_open_clip_weights(tmp_path / "weights"), image_tower=_STATIC)
    first, data = finished(asked, tmp_path / "cache")
    assert first.image_path is not None
    written_ns = first.image_path.stat().st_mtime_ns
    again = finish_towers(open_towers(asked, tmp_path / "cache"), asked, data, tmp_path / "cache")
    assert again.image_path == first.image_path
    assert first.image_path.stat().st_mtime_ns == written_ns
    assert again.spec is not None
    assert again.spec.static_int8


def test_an_open_clip_tower_takes_pictures_of_the_side_that_is_asked_for(tmp_path: Path) -> None:
    asked = config(tmp_path, write_open_clip_weights(tmp_path / "weights"), image_tower={"side_px": 16})
    towers, _ = finished(asked, tmp_path / "cache")
    assert towers.spec is not None
    assert (towers.preprocess.side_px, towers.spec.precision) == (16, "fp32")


def test_pictures_to_fit_scales_on_are_taken_evenly_from_all_of_them(tmp_path: Path) -> None:
    _, data = finished(config(tmp_path, write_compact_weights(tmp_path / "weights")), tmp_path / "cache")
    pictures = [sample.image for sample in data.train[0]]
    assert calibration_pictures(data, 100) == list(dict.fromkeys(pictures))
    assert calibration_pictures(data, 2) == [pictures[0], pictures[len(pictures) // 2]]


def test_without_a_picture_to_train_on_static_int8_is_refused(tmp_path: Path) -> None:
    backbone = published_weights(tmp_path / "weights")
    asked = config(tmp_path, backbone, image_tower=_STATIC, modalities="text")
    with pytest.raises(ConfigError, match="static int8 is fitted on pictures, and no training sample has one"):
        finished(asked, tmp_path / "cache")


def test_a_side_that_the_patches_do_not_fill_is_named(tmp_path: Path) -> None:
    asked = config(tmp_path, published_weights(tmp_path / "weights"), image_tower={"side_px": 20})
    with pytest.raises(ConfigError, match="backbone: side_px is 20: the image tower wants a multiple of 8"):
        open_towers(asked, tmp_path / "cache")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"backbone": "shipped-bundle"}, "image_tower: the image tower of a bundle is taken as it is"),
        ({"towers": {"image": {"mode": "adapters"}}}, "image_tower: side and precision are for a frozen image tower"),
    ],
)
def test_a_tower_that_cannot_be_rebuilt_is_refused_before_any_work(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    phases = [{"epochs": 1, "text_tower_lr": 0, "image_tower_lr": 1e-4, "fusion_lr": 1e-3}]
    document = config_document(write_open_clip_weights(tmp_path / "weights"), image_tower=_STATIC, phases=phases)
    with pytest.raises(ValueError, match=message):
        TrainConfig.model_validate(document | changed)
