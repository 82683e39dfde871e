from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from support.preparation import picture
from support.tiny import TinyBundle, export_tower, tower_spec

from model.engine.onnxruntime_network import session_options
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
        Runtime(tiny.bundle, engine="cuda")


def test_the_provider_in_force_is_named(runtime: Runtime) -> None:
    assert runtime.providers == ["CPUExecutionProvider"]


def _quantised_product(weights: NDArray[np.int8]) -> bytes:
    """A graph of one dynamically quantised product, as int8 image towers are made of: x [B, K] times weights [K, N]."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["quantised", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["quantised", "weights", "zero", "weights_zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", weights.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", weights.shape[1]])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.zeros(weights.shape[1], dtype=np.int8), "weights_zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


@given(seed=st.integers(0, 2**32 - 1), width=st.sampled_from([8, 64, 300]), loud=st.booleans())
def test_products_of_8_bit_integers_are_exact(seed: int, width: int, loud: bool) -> None:
    """Two together do not fit into 16 bits: a processor without VNNI gets them wrong unless it is told not to."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(100 if loud else -127, 128, (width, 24), dtype=np.int8)
    values = rng.integers(200 if loud else 0, 256, (3, width)).astype(np.float32)
    values[:, 0], values[:, 1] = 0, 255  # the scale is 1, and the zero point 0
    session = ort.InferenceSession(_quantised_product(weights), session_options(1), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": values})
    np.testing.assert_array_equal(found, values @ weights.astype(np.float32))
