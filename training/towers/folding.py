"""Multiplications of a graph, moved into the weights beside them: what an exporter leaves apart and costs a pass each.

An exporter scales queries and keys where attention multiplies them; both come of linear layers, which can give them
scaled. The scales of a few channels that are moved out of what attention gives (``smoothing``) are those of its values,
which come of a linear layer too.
"""

import onnx
from onnx import numpy_helper

from training.towers.stored import Linear, Weights, Wiring, is_stored_product, linear_behind, without_unread


def fold_scales(model: onnx.ModelProto) -> None:
    """Have linear layers give what is multiplied by one stored number behind them, in place."""
    graph = model.graph
    wiring, weights = Wiring(graph), Weights(graph)
    numbers = {entry.name: float(numpy_helper.to_array(entry)) for entry in graph.initializer if not entry.dims}
    for node in [node for node in graph.node if node.op_type == "Mul"]:
        scales = [name for name in node.input if name in numbers]
        scaled = [name for name in node.input if name not in wiring.stored]
        if len(scales) != 1 or len(scaled) != 1 or wiring.only_reader(scaled[0]) != node:
            continue
        if (linear := linear_behind(wiring, scaled[0])) is not None:
            linear.scale(weights, numbers[scales[0]])
            for reader in wiring.readers(node.output[0]):
                reader.input[list(reader.input).index(node.output[0])] = scaled[0]
    without_unread(graph)


def values_behind(wiring: Wiring, name: str) -> Linear | None:
    """The layer that gives attention the values of which ``name`` are sums, each channel of its own; None if none does.

    Attention multiplies its weights with the values [B, H, T, D / H] and puts its heads side by side again, as
    exporters write it: MatMul, Transpose, Reshape.
    """
    reshape = wiring.makers.get(name)
    transpose = wiring.makers.get(reshape.input[0]) if reshape is not None and reshape.op_type == "Reshape" else None
    product = wiring.makers.get(transpose.input[0]) if transpose is not None else None
    if transpose is None or product is None or product.op_type != "MatMul" or is_stored_product(wiring, product):
        return None
    apart = wiring.makers.get(product.input[1])
    are_inverse = apart is not None and _swapped(apart) == _swapped(transpose) == [0, 2, 1, 3]
    return linear_behind(wiring, product.input[1]) if are_inverse else None


def _swapped(node: onnx.NodeProto) -> list[int]:
    return list(next(iter(node.attribute)).ints) if node.op_type == "Transpose" else []
