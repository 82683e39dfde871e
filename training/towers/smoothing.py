"""SmoothQuant (Xiao et al. 2023) on an ONNX graph: what the activations of a matrix spread over is moved into its rows.

A few channels of a ViT's activations are a hundred times larger than the others, so one scale for all of them leaves
the others few of int8's 256 levels. Each channel is divided by a factor, and the matrix's row of that channel
multiplied by it: the product is what it was. Behind a LayerNormalization the division is part of its scale and shift,
behind attention of the layer that gives its values; elsewhere a multiplication is put before the matrix.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from training.towers.folding import values_behind
from training.towers.stored import Floats, Weights, Wiring, is_stored_product

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
    wiring = Wiring(graph)
    readers = {name: wiring.readers(name) for name in wiring.makers}
    return [
        Product(name, tuple(nodes), wiring.makers[name])
        for name, nodes in readers.items()
        if nodes and all(is_stored_product(wiring, node) for node in nodes)
    ]


def smooth(model: onnx.ModelProto, largest: Mapping[str, Floats]) -> None:
    """Smooth ``model`` in place; ``largest`` has the largest absolute value [K] of each channel, by activation."""
    weights, wiring = Weights(model.graph), Wiring(model.graph)
    for product in products(model.graph):
        matrices = [weights.read(node, 1) for node in product.nodes]
        factors = _factors(largest[product.activation], matrices)
        for node, matrix in zip(product.nodes, matrices, strict=True):
            weights.write(node, 1, matrix * factors[:, None])
        if product.maker.op_type == "LayerNormalization":
            for place in range(1, len(product.maker.input)):
                weights.write(product.maker, place, weights.read(product.maker, place) / factors)
        elif (values := values_behind(wiring, product.activation)) is not None:
            values.scale(weights, np.reciprocal(factors))
        else:
            _divide(model.graph, product, factors)


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
