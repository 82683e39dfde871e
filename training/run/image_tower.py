"""The image tower as the run's config wants it: for another side, and in static int8."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.meme import Meme
from model.preprocess import Preprocessor
from training.errors import ConfigError
from training.run.backbone import RunTowers, onnx_tower_spec
from training.run.config import TrainConfig
from training.run.load_data import RunData
from training.towers.static_int8 import Pixels, quantise_tower, quantised_name


def finish_towers(towers: RunTowers, config: TrainConfig, data: RunData, cache: Path) -> RunTowers:
    """``towers`` with the frozen image tower in the precision that the config asks for.

    A tower in static int8 is quantised on pictures of the training samples, once, and kept below ``cache``. Raises
    ``ConfigError`` when no training sample has a picture.
    """
    if config.image_tower.precision == "fp32" or towers.image_path is None:
        return towers
    pictures = calibration_pictures(data, config.image_tower.calibration_pictures)
    if not pictures:
        raise ConfigError(
            "image_tower.precision: static int8 is fitted on pictures, and no training sample has one; take fp32"
        )
    path = cache / "towers" / quantised_name(towers.image_path, pictures) / towers.image_path.name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        quantise_tower(towers.image_path, _pixels(pictures, towers.preprocessor), path)
    return replace(towers, image_path=path, spec=onnx_tower_spec(path, towers.names))


def calibration_pictures(data: RunData, limit: int) -> list[Path]:
    """At most ``limit`` pictures of training samples, each once, evenly from all of them in their order."""
    pictures = list(
        dict.fromkeys(sample.image for samples in data.train for sample in samples if sample.image is not None)
    )
    return [pictures[place * len(pictures) // limit] for place in range(limit)] if len(pictures) > limit else pictures


def _pixels(pictures: Sequence[Path], preprocessor: Preprocessor) -> list[Pixels]:
    return [preprocessor.pixels(Meme.from_bytes(path.read_bytes()).picture) for path in pictures]
