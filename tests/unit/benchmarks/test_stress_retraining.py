"""What the benchmark of retraining on found cases trains, before anything is trained."""

from pathlib import Path

import pytest
from support.pictures import meme

from benchmarks.stress_retraining import run_config, scores_of
from model.bundle import COMPACT_BUNDLE
from training.datasets import DatasetError, Sample
from training.run.build import shown_modalities
from training.run.config import TrainConfig


@pytest.fixture(params=[True, False], ids=["retrained", "control"])
def config(request: pytest.FixtureRequest) -> TrainConfig:
    return run_config(Path("found"), Path("data"), has_found=request.param)


def test_the_bundle_serves_pictures_and_words_and_has_seen_memes(config: TrainConfig) -> None:
    shown = shown_modalities(config)
    assert (shown.image, shown.text) == (True, True)
    assert config.phases[-1].sources is not None
    trained_on = [config.data.train[at].path for at in config.phases[-1].sources]
    assert {Path("data/religious_memes").resolve(), Path("data/multioff").resolve()} <= {*trained_on}


def test_the_ordinary_stream_has_memes_so_that_thresholds_of_memes_have_ground(config: TrainConfig) -> None:
    assert any(source.render for source in config.data.ordinary or ())


def test_no_rounding_is_refused_after_the_training(config: TrainConfig) -> None:
    assert config.export.precision == "fp32"


def test_only_the_found_cases_tell_the_two_apart() -> None:
    runs = [run_config(Path("found"), Path("data"), has_found=has_found) for has_found in (True, False)]
    assert [[*(run.phases[0].sources or ())] for run in runs] == [[0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]
    assert len(runs[0].data.train) == 7
    assert runs[0].data == runs[1].data


def test_a_sample_that_cannot_be_judged_is_no_row_less_beside_the_labels(tmp_path: Path) -> None:
    (tmp_path / "whole.png").write_bytes(meme(1))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    samples = [
        Sample(name, "set", "test", "words", {"hateful": 0}, image=tmp_path / f"{name}.png")
        for name in ("whole", "broken")
    ]
    with pytest.raises(DatasetError, match="1 of 2 samples could not be judged"):
        scores_of(COMPACT_BUNDLE, samples, tmp_path / "cache")
