from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model.engine import open_network
from training.towers.integer_products import fuse_products

_ROWS, _INNER, _COLUMNS = 5, 8, 6


def qdq_model(*, is_read_twice: bool) -> onnx.ModelProto:
    """A product in QDQ with a bias behind it; ``is_read_twice``: what the product comes to is given out as well."""
    rng = np.random.default_rng(0)
    stored = {
        "scale": np.float32(0.02),
        "zero": np.uint8(120),
        "matrix": rng.integers(-64, 65, (_INNER, _COLUMNS)).astype(np.int8),
        "scales": rng.uniform(0.01, 0.02, _COLUMNS).astype(np.float32),
        "zeros": np.zeros(_COLUMNS, dtype=np.int8),
        "bias": rng.standard_normal(_COLUMNS).astype(np.float32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["x_int8"]),
        helper.make_node("DequantizeLinear", ["x_int8", "scale", "zero"], ["x_again"]),
        helper.make_node("DequantizeLinear", ["matrix", "scales", "zeros"], ["weights"], axis=1),
        helper.make_node("MatMul", ["x_again", "weights"], ["product"], name="product"),
        helper.make_node("Add", ["bias", "product"], ["y"]),
    ]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [_ROWS, _INNER])]
    names = ["y", "product"] if is_read_twice else ["y"]
    wanted = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [_ROWS, _COLUMNS]) for name in names]
    entries = [numpy_helper.from_array(np.asarray(values), name) for name, values in stored.items()]
    graph = helper.make_graph(nodes, "products", given, wanted, entries)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def says(model: onnx.ModelProto, path: Path) -> list[np.ndarray]:
    onnx.save(model, path)
    x = np.random.default_rng(1).standard_normal((_ROWS, _INNER)).astype(np.float32)
    return open_network(path, threads=1).run([value.name for value in model.graph.output], {"x": x})


def test_a_product_takes_its_bias_and_comes_to_the_same(tmp_path: Path) -> None:
    model = qdq_model(is_read_twice=False)
    before = says(model, tmp_path / "qdq.onnx")
    fuse_products(model)
    assert [node.op_type for node in model.graph.node] == ["QuantizeLinear", "MatMulIntegerToFloat"]
    assert np.allclose(says(model, tmp_path / "fused.onnx")[0], before[0], atol=1e-5)


def test_a_product_that_something_else_reads_keeps_its_bias_behind_it(tmp_path: Path) -> None:
    model = qdq_model(is_read_twice=True)
    before = says(model, tmp_path / "qdq.onnx")
    fuse_products(model)
    assert [node.op_type for node in model.graph.node] == ["QuantizeLinear", "MatMulIntegerToFloat", "Add"]
    for ours, theirs in zip(says(model, tmp_path / "fused.onnx"), before, strict=True):
        assert np.allclose(ours, theirs, atol=1e-5)
