"""Products in 8-bit integers: as near to float32 as the steps of their ranges, and computed as integers."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13

from model.engine import open_network
from model.engine.int8 import products, quantise
from model.engine.processor import this_processor
from model.errors import EngineUnavailableError

needs_vnni = pytest.mark.skipif(not this_processor().multiplies_int8, reason="this processor has no VNNI instructions")
RANGE = (-1.0, 3.0)
STEP = (RANGE[1] - RANGE[0]) / 255


def graph(*, transposed: bool = False) -> Any:
    """A convolution of 8 channels named "conv", then one up to twice the size ("up"), then a matrix product ("mat").

    The weights of "mat" may be stored transposed, which changes no answer.
    """
    rng = np.random.default_rng(0)
    pixels = opset13.parameter([-1, 8, -1, -1], np.float32, name="pixels")
    conv = opset13.convolution(pixels, weights(rng, 16, 8, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    up = opset13.convolution_backprop_data(opset13.relu(conv), weights(rng, 16, 4, 2, 2), [2, 2])
    rows = opset13.reshape(up, np.array([0, 4, -1]), special_zero=True)
    of_mat = weights(rng, 4, 5)
    stored = np.ascontiguousarray(of_mat.T) if transposed else of_mat
    mat = opset13.matmul(opset13.transpose(rows, np.array([0, 2, 1])), stored, False, transposed)
    for node, name in ((conv, "conv"), (up, "up"), (mat, "mat")):
        node.set_friendly_name(name)
    return openvino.Model([mat], [pixels], "graph")


def weights(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape).astype(np.float32) / np.float32(np.prod(shape[1:]) ** 0.5)


def answer(model: Any, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(pixels)[0])


def in_range(n_pictures: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(*RANGE, (n_pictures, 8, 12, 12)).astype(np.float32)


def test_products_are_convolutions_and_matrix_products_with_stored_weights() -> None:
    assert [node.get_friendly_name() for node in products(graph())] == ["conv", "up", "mat"]


@pytest.mark.parametrize("name", ["conv", "up", "mat"])
def test_a_product_in_its_range_stays_within_a_few_steps_of_float32(name: str) -> None:
    quantised = graph()
    quantise(quantised, {name: (-8.0, 8.0)})
    expected, found = answer(graph(), in_range()), answer(quantised, in_range())
    assert 0 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_weights_that_are_stored_transposed_are_quantised_by_the_same_channels() -> None:
    plain, transposed = graph(), graph(transposed=True)
    for model in (plain, transposed):
        quantise(model, {"mat": (-8.0, 8.0)})
    assert np.allclose(answer(plain, in_range()), answer(transposed, in_range()), atol=1e-6)


def test_what_lies_outside_of_a_range_is_taken_for_its_end() -> None:
    quantised = graph()
    quantise(quantised, {"conv": RANGE})
    pixels = in_range()
    pixels[0, 3, 5, 5] = 100.0
    clipped = np.clip(pixels, *RANGE)
    assert np.array_equal(answer(quantised, pixels), answer(quantised, clipped))
    assert not np.allclose(answer(graph(), pixels), answer(graph(), clipped), atol=STEP)


def test_an_answer_depends_on_no_picture_beside_it() -> None:
    quantised = graph()
    quantise(quantised, {"conv": RANGE, "up": (0.0, 6.0), "mat": (-6.0, 6.0)})
    pixels = in_range(4)
    together = answer(quantised, pixels)
    for index in range(len(pixels)):
        assert np.array_equal(answer(quantised, pixels[index : index + 1])[0], together[index])


def test_ranges_of_another_network_are_refused() -> None:
    with pytest.raises(EngineUnavailableError, match=r"name 'Conv\.9', which the network does not have"):
        quantise(graph(), {"conv": RANGE, "Conv.9": RANGE})


@needs_vnni
def test_products_are_computed_as_integers_and_the_rest_in_float32(tmp_path: Path) -> None:
    path = tmp_path / "graph.xml"
    openvino.save_model(graph(), path, compress_to_fp16=False)
    network = open_network(path, "openvino_int8", 1, ranges={"conv": RANGE, "mat": (-6.0, 6.0)})
    (found,) = network.run(network.output_names, {"pixels": in_range()})
    assert np.abs(found - answer(graph(), in_range())).max() < 0.1
    precisions = {
        node.get_rt_info()["layerType"].astype(str): node.get_rt_info()["runtimePrecision"].astype(str)
        for node in network.compiled_model.get_runtime_model().get_ordered_ops()  # type: ignore[attr-defined]
    }
    assert precisions["Convolution"] in ("u8", "i8")
    assert precisions["FullyConnected"] in ("u8", "i8")
    assert "bf16" not in precisions.values()


@needs_vnni
def test_a_network_without_ranges_is_not_computed_in_float32_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "graph.xml"
    openvino.save_model(graph(), path, compress_to_fp16=False)
    with pytest.raises(EngineUnavailableError, match=r"openvino_int8\) for graph\.xml, of whose products no ranges"):
        open_network(path, "openvino_int8", 1)
