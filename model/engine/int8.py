"""Products of a graph in 8-bit integers, by OpenVINO.

A product (a convolution, or a matrix product with stored weights) that has a range gets fake quantisations around it
(Jacob et al. 2018, arXiv 1712.05877), which OpenVINO computes as integers: 256 steps of the range for what it is given,
255 for the weights of each of its channels. The range is what was measured before, so a picture's answer depends on no
other picture. All else stays in float32.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from model.errors import EngineUnavailableError

#: Product, by its name in the graph -> the least and the largest number that it is given.
Ranges = Mapping[str, tuple[float, float]]

#: Kind of product -> the axes of its weights that are summed over for one channel of its answer.
_AXES = {"Convolution": (1, 2, 3), "ConvolutionBackpropData": (0, 2, 3), "MatMul": (0,)}
_INPUT_STEPS, _WEIGHT_STEPS = 256, 255


def products(graph: Any) -> list[Any]:
    """Nodes of an OpenVINO graph that may be computed in integers."""
    return [
        node
        for node in graph.get_ordered_ops()
        if node.get_type_name() in _AXES and node.input_value(1).get_node().get_type_name() == "Constant"
    ]


def quantise(graph: Any, ranges: Ranges) -> None:
    """Have the products in ``ranges`` computed in integers.

    Raises ``EngineUnavailableError`` for a name that is no product of the graph: then the ranges are of another one.
    """
    found = {node.get_friendly_name(): node for node in products(graph)}
    if unknown := sorted(ranges.keys() - found.keys()):
        raise EngineUnavailableError(f"ranges for int8 name {unknown[0]!r}, which the network does not have")
    for name, (low, high) in ranges.items():
        node = found[name]
        weights = node.input_value(1)
        largest = np.abs(weights.get_node().get_data()).max(axis=_summed(node), keepdims=True)
        largest = np.maximum(largest, np.finfo(np.float32).tiny)
        _fake(node.input(0), node.input_value(0), np.float32(low), np.float32(high), _INPUT_STEPS)
        _fake(node.input(1), weights, -largest, largest, _WEIGHT_STEPS)


def _summed(node: Any) -> tuple[int, ...]:
    is_transposed = node.get_attributes().get("transpose_b", False)
    return (1,) if is_transposed else _AXES[node.get_type_name()]


def _fake(place: Any, given: Any, low: Any, high: Any, steps: int) -> None:
    """Put a fake quantisation of what is ``given`` in its ``place``."""
    quantised = importlib.import_module("openvino.opset13").fake_quantize(given, low, high, low, high, steps)
    place.replace_source_output(quantised.output(0))
