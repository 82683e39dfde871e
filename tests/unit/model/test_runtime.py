from pathlib import Path

import numpy as np
import pytest
from support.preparation import picture
from support.tiny import TinyBundle, export_tower, tower_spec

from model.errors import EngineUnavailableError
from model.meme import Meme
from model.parts.pooling import Logits
from model.preprocess import ModelInputs
from model.runtime import Runtime

TEXTS = ["short", "a much longer text", None, "x y z", "words"]
MEMES = [Meme(picture(seed), "digest", tags=("cat", "a dog", "x")[: seed % 4]) for seed in range(5)]


def inputs(tiny: TinyBundle, rows: list[int]) -> ModelInputs:
    return tiny.bundle.preprocessor([MEMES[row] for row in rows], [TEXTS[row] for row in rows])


def assert_same(found: Logits, expected: Logits) -> None:
    assert list(found) == list(expected)
    for task, logits in found.items():
        assert np.abs(logits - expected[task]).max() < 1e-5


def picked(logits: Logits, rows: list[int]) -> Logits:
    return {task: values[rows] for task, values in logits.items()}


@pytest.fixture(scope="session")
def runtime(tiny: TinyBundle) -> Runtime:
    return Runtime(tiny.bundle, threads=1)


@pytest.fixture(scope="session")
def batch_scaled(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """The bundle with a tower that scales each picture by its whole batch, and says so."""
    folder = tmp_path_factory.mktemp("batch_scaled")
    tower = export_tower(folder / "tower.onnx", batch_scaled=True)
    bundle = tiny.written_anew(folder / "bundle", image_tower_path=tower, image_tower=tower_spec(batch_invariant=False))
    return TinyBundle(bundle, tiny.network, tiny.parts)


def test_logits_have_the_width_of_their_task(tiny: TinyBundle, runtime: Runtime) -> None:
    logits = runtime.logits(inputs(tiny, [0, 1, 2]))
    assert {task: values.shape for task, values in logits.items()} == {
        "hateful": (3, 1),
        "memotion_sentiment": (3, 3),
        "protected_class": (3, 6),
    }


def test_the_order_of_a_batch_does_not_matter(tiny: TinyBundle, runtime: Runtime) -> None:
    order = [3, 0, 4, 2, 1]
    together = runtime.logits(inputs(tiny, [0, 1, 2, 3, 4]))
    assert together["hateful"].std() > 0.01
    assert_same(runtime.logits(inputs(tiny, order)), picked(together, order))


@pytest.mark.parametrize("row", range(5))
def test_a_memes_logits_do_not_depend_on_its_batch_mates_or_their_padding(
    tiny: TinyBundle, runtime: Runtime, row: int
) -> None:
    together = runtime.logits(inputs(tiny, [0, 1, 2, 3, 4]))
    assert_same(runtime.logits(inputs(tiny, [row])), picked(together, [row]))


def test_a_tower_that_scales_by_the_batch_is_fed_one_picture_at_a_time(batch_scaled: TinyBundle) -> None:
    runtime = Runtime(batch_scaled.bundle, threads=1)
    together = runtime.logits(inputs(batch_scaled, [0, 1, 2, 3, 4]))
    for row in range(5):
        assert_same(runtime.logits(inputs(batch_scaled, [row])), picked(together, [row]))


def test_that_tower_would_mix_pictures_up_if_it_were_not_flagged(batch_scaled: TinyBundle, tmp_path: Path) -> None:
    flagged = batch_scaled.written_anew(
        tmp_path / "unflagged", image_tower_path=batch_scaled.bundle.file("image_tower.onnx")
    )
    runtime = Runtime(flagged, threads=1)
    pixels = np.stack([np.ones((3, 32, 32), np.float32), np.full((3, 32, 32), 9, np.float32)])
    together, alone = runtime.encode_images(pixels), runtime.encode_images(pixels[:1])
    assert np.abs(together.embeds[0] - alone.embeds[0]).max() > 1e-3


def test_a_picture_that_is_masked_is_not_read(tiny: TinyBundle, runtime: Runtime) -> None:
    given = inputs(tiny, [0, 1])
    masked = ModelInputs(given.pixel_values, np.array([0, 1]), given.text)
    other = ModelInputs(given.pixel_values[[1, 1]], np.array([0, 1]), given.text)
    assert_same(runtime.logits(masked), runtime.logits(other))
    assert np.abs(runtime.logits(masked)["hateful"][0] - runtime.logits(given)["hateful"][0]).max() > 1e-4


def test_neither_picture_nor_text_gives_finite_logits(tiny: TinyBundle, runtime: Runtime) -> None:
    given = tiny.bundle.preprocessor(MEMES[:1], [None], [()])
    logits = runtime.logits(ModelInputs(given.pixel_values, np.array([0]), given.text))
    assert all(np.isfinite(values).all() for values in logits.values())


def test_features_can_be_kept_and_reused_by_the_head(tiny: TinyBundle, runtime: Runtime) -> None:
    given = inputs(tiny, [0, 1, 2])
    features = runtime.encode_images(given.pixel_values)
    assert_same(runtime.head(features, given.image_mask, given.text), runtime.logits(given))


def test_a_provider_that_is_not_there_is_refused_and_not_replaced(tiny: TinyBundle) -> None:
    with pytest.raises(EngineUnavailableError, match="CUDAExecutionProvider"):
        Runtime(tiny.bundle, provider="cuda")


def test_the_provider_in_force_is_named(runtime: Runtime) -> None:
    assert runtime.providers == ["CPUExecutionProvider"]
