from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from support.published_clip import SIDE_PX, tiny_clip

from model.engine import open_network
from model.export import export_image_tower
from training.towers.folding import fold_scales, values_behind
from training.towers.published import PublishedImageTower
from training.towers.stored import Weights, Wiring, linear_behind

_OUTPUTS = ("image_embeds", "patch_tokens")


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tower") / "image_tower.onnx"
    export_image_tower(PublishedImageTower(tiny_clip()), SIDE_PX, path)
    return path


def says(model: onnx.ModelProto, path: Path) -> list[np.ndarray]:
    onnx.save(model, path)
    pixels = np.random.default_rng(0).standard_normal((2, 3, SIDE_PX, SIDE_PX)).astype(np.float32)
    return open_network(path, threads=1).run(_OUTPUTS, {"pixel_values": pixels})


def scalings(model: onnx.ModelProto) -> int:
    """How often a graph multiplies with one stored number."""
    numbers = {entry.name for entry in model.graph.initializer if not entry.dims}
    return sum(node.op_type == "Mul" and bool(numbers.intersection(node.input)) for node in model.graph.node)


def attended(model: onnx.ModelProto) -> list[str]:
    """What attention gives, by layers: the activation that is made of values behind a linear layer."""
    wiring = Wiring(model.graph)
    return [name for name in wiring.makers if values_behind(wiring, name) is not None]


def test_queries_and_keys_come_scaled_and_the_tower_says_the_same(tower: Path, tmp_path: Path) -> None:
    model = onnx.load(tower)
    n_layers = sum(node.op_type == "Softmax" for node in model.graph.node)
    before, n_before = says(model, tmp_path / "before.onnx"), scalings(model)
    fold_scales(model)
    assert n_before - scalings(model) == 2 * n_layers
    for ours, theirs in zip(says(model, tmp_path / "after.onnx"), before, strict=True):
        assert np.allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_what_attention_gives_is_scaled_by_scaling_its_values(tower: Path, tmp_path: Path) -> None:
    model = onnx.load(tower)
    names = attended(model)
    assert len(names) == sum(node.op_type == "Softmax" for node in model.graph.node)
    model.graph.output.append(helper.make_tensor_value_info(names[0], onnx.TensorProto.FLOAT, None))

    def attention(path: Path) -> np.ndarray:
        onnx.save(model, path)
        pixels = np.random.default_rng(0).standard_normal((1, 3, SIDE_PX, SIDE_PX)).astype(np.float32)
        return open_network(path, threads=1).run([names[0]], {"pixel_values": pixels})[0]

    before = attention(tmp_path / "before.onnx")
    factors = np.linspace(0.5, 2, before.shape[-1]).astype(np.float32)
    values = values_behind(Wiring(model.graph), names[0])
    assert values is not None
    values.scale(Weights(model.graph), factors)
    assert np.allclose(attention(tmp_path / "after.onnx"), before * factors, rtol=1e-4, atol=1e-6)


def test_a_layer_whose_values_go_elsewhere_too_is_left_alone(tower: Path) -> None:
    model = onnx.load(tower)
    wiring = Wiring(model.graph)
    values = values_behind(wiring, attended(model)[0])
    assert values is not None
    moved = wiring.readers(values.addition.output[0])[0].output[0]
    assert linear_behind(wiring, moved) is not None
    model.graph.node.append(helper.make_node("Relu", [values.addition.output[0]], ["elsewhere"]))
    assert linear_behind(Wiring(model.graph), moved) is None
