"""A writer process that fills a cache of features, slowly, so that a kill meets it at work.

python -m support.feature_cache TOWER SPEC_JSON CACHE PICTURES   (with tests/ and the checkout on PYTHONPATH)
"""

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.bundle import ImageTowerSpec
from model.preprocess import Preprocessor
from support.preparation import PREPROCESS, tokenizer_json
from training.data.feature_cache import FrozenTower

PAUSE_S = 0.01


class SlowPreprocessor(Preprocessor):
    """The same pixels, later."""

    def pixels(self, image: Image.Image) -> NDArray[np.float32]:
        time.sleep(PAUSE_S)
        return super().pixels(image)


if __name__ == "__main__":
    tower_path, spec_json, cache, pictures = sys.argv[1:]
    tower = FrozenTower(
        Path(tower_path),
        ImageTowerSpec.model_validate_json(spec_json),
        SlowPreprocessor(PREPROCESS, tokenizer_json()),
        Path(cache),
        threads=1,
    )
    tower.features(sorted(Path(pictures).glob("*.png")))
