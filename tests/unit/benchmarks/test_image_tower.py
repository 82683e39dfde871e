from pathlib import Path

import numpy as np
import pytest
from support.dataset_files import write_hateful_memes
from support.runs import config_document, write_open_clip_weights

from benchmarks.image_tower import difference, open_variant, time_ratios
from training.run.config import TrainConfig
from training.run.load_data import load_run_data


def test_a_difference_has_the_sign_of_who_ranks_better_and_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    good, bad = labels + rng.normal(0, 0.5, 300), labels + rng.normal(0, 2.0, 300)
    found, opposite = difference(labels, good, bad), difference(labels, bad, good)
    assert 0 < found.low < found.difference < found.high
    assert opposite.difference == pytest.approx(-found.difference)
    assert opposite.high < 0
    assert opposite.low < opposite.difference
    same = difference(labels, good, good)
    assert (same.difference, same.low, same.high) == (0.0, 0.0, 0.0)


def test_towers_of_several_sides_look_at_the_same_pictures_in_turns(tmp_path: Path) -> None:
    memes = write_hateful_memes(tmp_path / "memes", {"train": 4, "dev": 2})
    backbone = write_open_clip_weights(tmp_path / "weights")
    configs = {
        f"{side} px": TrainConfig.model_validate(
            config_document(backbone, data={"train": [f"{memes}:train"]}, image_tower={"side_px": side})
        )
        for side in (32, 16)
    }
    data = load_run_data(configs["32 px"], tmp_path / "cache")
    pictures = sorted((memes / "img").iterdir())
    found = [open_variant(name, one, data, pictures, tmp_path / "cache") for name, one in configs.items()]
    assert [len(variant.embeds) for variant in found] == [len(pictures)] * 2
    assert not np.allclose(found[0].embeds, found[1].embeds)
    first, second = time_ratios(found, pictures)
    assert first == 1.0
    assert second > 0
