"""SmoothQuant (Xiao et al. 2023) on an ONNX graph: what the activations of a matrix spread over is moved into its rows.

A few channels of a ViT's activations are a hundred times larger than the others, so one scale for all of them leaves
the others few of int8's 256 levels. Each channel is divided by a factor, and the matrix's row of that channel
multiplied by it: the product is what it was. Behind a LayerNormalization the division is part of its scale and shift;
elsewhere a multiplication is put before the matrix.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Floats = NDArray[np.float32]
#: How much of an activation's spread goes into the matrix: what lost least on ViT-B/16 among .5, .65 and .8.
_STRENGTH = 0.65
_SMALLEST = 1e-5


@dataclass(frozen=True)
class Product:
    """Products of one activation [..., K] with stored matrices [K, N], and the node that makes the activation."""

    activation: str
    nodes: tuple[onnx.NodeProto, ...]
    maker: onnx.NodeProto

    @property
    def matrices(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(node.input[1] for node in self.nodes)


def products(graph: onnx.GraphProto) -> list[Product]:
    """The activations of a graph that are multiplied with stored matrices, and with nothing else."""
    stored = {entry.name for entry in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for name, nodes in readers.items():
        is_product = all(node.op_type == "MatMul" and node.input[1] in stored for node in nodes)
        if is_product and name in makers:
            found.append(Product(name, tuple(nodes), makers[name]))
    return found


def smooth(model: onnx.ModelProto, largest: Mapping[str, Floats]) -> None:
    """Smooth ``model`` in place; ``largest`` has the largest absolute value [K] of each channel, by activation."""
    weights = _Weights(model.graph)
    for product in products(model.graph):
        matrices = [weights.read(node, 1) for node in product.nodes]
        factors = _factors(largest[product.activation], matrices)
        for node, matrix in zip(product.nodes, matrices, strict=True):
            weights.write(node, 1, matrix * factors[:, None])
        if product.maker.op_type == "LayerNormalization":
            for place in range(1, len(product.maker.input)):
                weights.write(product.maker, place, weights.read(product.maker, place) / factors)
        else:
            _divide(model.graph, product, factors)


class _Weights:
    """The stored arrays of a graph, by the nodes that read them: exporters store equal ones once for several nodes."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._entries = {entry.name: entry for entry in graph.initializer}
        self._readers = Counter(name for node in graph.node for name in node.input)

    def read(self, node: onnx.NodeProto, place: int) -> Floats:
        """What ``node`` is given at ``place``."""
        values: Floats = numpy_helper.to_array(self._entries[node.input[place]])
        return values

    def write(self, node: onnx.NodeProto, place: int, values: Floats) -> None:
        """Give ``node`` other values there, and no other node."""
        name = node.input[place]
        if self._readers[name] == 1:
            self._entries[name].CopyFrom(numpy_helper.from_array(values, name))
            return
        self._readers[name] -= 1
        node.input[place] = own = f"{name}.{node.output[0]}"
        self._graph.initializer.append(numpy_helper.from_array(values, own))


def _factors(largest: Floats, matrices: Sequence[Floats]) -> Floats:
    rows = np.max([np.abs(matrix).max(axis=1) for matrix in matrices], axis=0)
    spread = np.maximum(largest, _SMALLEST) ** _STRENGTH / np.maximum(rows, _SMALLEST) ** (1 - _STRENGTH)
    factors: Floats = (spread / np.median(spread)).astype(np.float32)
    return factors


def _divide(graph: onnx.GraphProto, product: Product, factors: Floats) -> None:
    """Put a multiplication with 1 / ``factors`` between an activation and its matrices."""
    scale, smoothed = f"{product.activation}.smoothing", f"{product.activation}.smoothed"
    graph.initializer.append(numpy_helper.from_array(1 / factors, scale))
    place = 1 + next(i for i, node in enumerate(graph.node) if product.activation in node.output)
    for node in product.nodes:
        node.input[0] = smoothed
    graph.node.insert(place, helper.make_node("Mul", [product.activation, scale], [smoothed]))


def watched(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A copy of ``model`` that gives these activations too."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    return copy
