"""The products of a graph in QDQ as the operator that onnxruntime makes of them, with their biases in it.

onnxruntime's optimiser makes MatMulIntegerToFloat of a product of dequantised values, and leaves the bias to an
addition behind it: one more pass over every activation. The operator itself takes a bias.
"""

import onnx
from onnx import helper

from training.towers.stored import Wiring, without_unread

_DOMAIN = "com.microsoft"
_DEQUANTISE, _PRODUCT = "DequantizeLinear", "MatMulIntegerToFloat"


def fuse_products(model: onnx.ModelProto) -> None:
    """Fuse each product of two dequantised tensors, and the addition of a stored bias behind it, in place."""
    graph = model.graph
    wiring = Wiring(graph)
    vectors = {entry.name for entry in graph.initializer if len(entry.dims) == 1}
    for node in [node for node in graph.node if node.op_type == "MatMul"]:
        left, right = (wiring.makers.get(name) for name in node.input)
        if left is None or right is None or {left.op_type, right.op_type} != {_DEQUANTISE}:
            continue
        # Of A and B [K, N]: integers, scales, zero points, in turns; then the bias [N].
        inputs = [name for pair in zip(left.input, right.input, strict=True) for name in pair]
        last, reader = node, wiring.only_reader(node.output[0])
        biases = [name for name in reader.input if name in vectors] if reader and reader.op_type == "Add" else []
        if reader is not None and biases:
            inputs, last = [*inputs, *biases], reader
        fused = helper.make_node(_PRODUCT, inputs, list(last.output), name=node.name, domain=_DOMAIN)
        graph.node.insert(list(graph.node).index(last), fused)
        last.output[0] += ".unfused"
    without_unread(graph)
    if _DOMAIN not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
