from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from support.published_clip import SIDE_PX, tiny_clip

from model.engine import open_network
from model.export import export_image_tower
from training.towers.published import PublishedImageTower
from training.towers.smoothing import products, smooth
from training.towers.static_int8 import Pixels, has_7_bit_weights, quantise_tower, quantised_name

_OUTPUTS = ("image_embeds", "patch_tokens")


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fp32") / "image_tower.onnx"
    clip = tiny_clip()
    with torch.no_grad():  # as trained towers have them: a few channels that dwarf the others
        for layer in clip.vision_model.encoder.layers:
            layer.layer_norm1.weight[:3] *= 10
            layer.mlp.fc1.weight[:3] *= 10
    export_image_tower(PublishedImageTower(clip), SIDE_PX, path)
    return path


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    return list(np.random.default_rng(0).standard_normal((12, 3, SIDE_PX, SIDE_PX)).astype(np.float32))


@pytest.fixture(scope="module")
def quantised(fp32: Path, pictures: list[Pixels], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "image_tower.onnx"
    quantise_tower(fp32, pictures, path)
    return path


def encode(path: Path, pixels: np.ndarray, *, static_int8: bool = False) -> list[np.ndarray]:
    return open_network(path, threads=1, static_int8=static_int8).run(_OUTPUTS, {"pixel_values": pixels})


def alike(ours: np.ndarray, theirs: np.ndarray) -> float:
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    return float(((ours * theirs).sum(axis=-1) / lengths).min())


def test_a_quantised_tower_says_nearly_the_same(fp32: Path, quantised: Path) -> None:
    unseen = np.random.default_rng(1).standard_normal((4, 3, SIDE_PX, SIDE_PX)).astype(np.float32)
    for ours, theirs in zip(encode(quantised, unseen, static_int8=True), encode(fp32, unseen), strict=True):
        assert alike(ours, theirs) > 0.97


def test_what_it_says_of_a_picture_does_not_depend_on_those_beside_it(quantised: Path, pictures: list[Pixels]) -> None:
    loud = np.stack([pictures[0], 30 * pictures[1]])
    alone, beside = (encode(quantised, pixels, static_int8=True) for pixels in (loud[:1], loud))
    for ours, theirs in zip(alone, beside, strict=True):
        assert np.allclose(ours[0], theirs[0], atol=1e-3 * np.abs(ours).max())


def test_the_exact_instructions_change_nothing(quantised: Path, pictures: list[Pixels]) -> None:
    """Sums of 7-bit weights do not overflow: what is slower on some processors, and sure, gives the same."""
    pixels = np.stack(pictures[:2])
    for ours, theirs in zip(encode(quantised, pixels, static_int8=True), encode(quantised, pixels), strict=True):
        assert alike(ours, theirs) > 0.999


def test_it_is_known_by_its_weights(fp32: Path, quantised: Path) -> None:
    graph = onnx.load(quantised).graph
    assert has_7_bit_weights(graph)
    assert not has_7_bit_weights(onnx.load(fp32).graph)
    place, entry = next((i, e) for i, e in enumerate(graph.initializer) if e.data_type == TensorProto.INT8 and e.dims)
    matrix = numpy_helper.to_array(entry).copy()
    matrix.flat[0] = 100
    graph.initializer[place].CopyFrom(numpy_helper.from_array(matrix, entry.name))
    assert not has_7_bit_weights(graph)


def test_products_with_weights_are_integers_with_their_biases_and_those_of_attention_are_not(
    fp32: Path, quantised: Path
) -> None:
    before, after = (onnx.load(path).graph for path in (fp32, quantised))
    n_layers = sum(node.op_type == "Softmax" for node in before.node)
    stored = {entry.name for entry in after.initializer}
    floats = [node for node in after.node if node.op_type == "MatMul"]
    assert len(floats) == 2 * n_layers
    assert not any(stored.intersection(node.input) for node in floats)
    fused = [node for node in after.node if node.op_type == "MatMulIntegerToFloat"]
    assert len(fused) == 6 * n_layers
    assert all(node.input[6] in stored for node in fused)


def test_it_is_a_quarter_of_the_size(fp32: Path, quantised: Path) -> None:
    assert quantised.stat().st_size < 0.4 * fp32.stat().st_size
    assert [path.name for path in quantised.parent.iterdir()] == ["image_tower.onnx"]


def test_smoothing_changes_no_output_and_evens_the_channels(fp32: Path, pictures: list[Pixels], tmp_path: Path) -> None:
    model = onnx.load(fp32)
    found = products(model.graph)
    assert {product.maker.op_type for product in found} >= {"LayerNormalization", "Mul"}
    width = {product.activation: _rows(model, product.matrices[0]) for product in found}
    largest = {name: np.where(np.arange(rows) < 3, 50.0, 1.0).astype(np.float32) for name, rows in width.items()}
    smooth(model, largest)
    onnx.save(model, tmp_path / "smooth.onnx")
    pixels = np.stack(pictures[:2])
    for ours, theirs in zip(encode(tmp_path / "smooth.onnx", pixels), encode(fp32, pixels), strict=True):
        assert np.allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())
    matrix = next(numpy_helper.to_array(e) for e in model.graph.initializer if e.name == found[0].matrices[0])
    before = next(numpy_helper.to_array(e) for e in onnx.load(fp32).graph.initializer if e.name == found[0].matrices[0])
    grown = np.abs(matrix).max(axis=1) / np.abs(before).max(axis=1)
    assert grown[:3].min() > 5 * grown[3:].max()


def _rows(model: onnx.ModelProto, name: str) -> int:
    return next(int(entry.dims[0]) for entry in model.graph.initializer if entry.name == name)


def test_without_pictures_nothing_is_written(fp32: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="static int8 needs pictures"):
        quantise_tower(fp32, [], tmp_path / "image_tower.onnx")
    assert list(tmp_path.iterdir()) == []


def test_other_pictures_make_another_tower(fp32: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    one, other = quantised_name(fp32, [tmp_path / "a.png"]), quantised_name(fp32, [tmp_path / "b.png"])
    assert one != other
    assert quantised_name(fp32, [tmp_path / "a.png"]) == one
