import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from support.runs import config_document, write_compact_weights, write_open_clip_weights
from support.tiny import PATCHES, TinyImageTower, tiny_network

from model.errors import ExportRefusedError
from model.export.graph import head_example
from training.data.modalities import Modalities
from training.errors import ConfigError
from training.run.backbone import RunTowers, onnx_tower_spec, open_towers, tower_difference, weights_digest, write_tower
from training.run.config import TrainConfig
from training.run.trained import SingleModality

_NAMES = {"image_backbone": "tiny", "image_source": "test", "licence": "Apache-2.0"}


def config(tmp_path: Path, kind: str = "compact", **changed: object) -> TrainConfig:
    write = write_compact_weights if kind == "compact" else write_open_clip_weights
    return TrainConfig.model_validate(config_document(write(tmp_path / "weights"), **changed))


def opened(tmp_path: Path, kind: str = "compact", **changed: object) -> RunTowers:
    return open_towers(config(tmp_path, kind, **changed), tmp_path / "cache")


def test_a_compact_tower_is_taken_as_it_is(tmp_path: Path) -> None:
    towers = opened(tmp_path)
    assert towers.image_path == tmp_path / "weights" / "tower.onnx"
    assert towers.spec is not None
    assert (towers.spec.input_name, towers.spec.embed_width, towers.spec.patch_width) == ("pixel_values", 6, 8)
    assert (towers.spec.batch_invariant, towers.spec.precision) == (True, "fp32")
    assert (towers.preprocess.side_px, towers.preprocess.max_text_tokens) == (32, 12)


def test_a_frozen_open_clip_tower_is_exported_once_for_its_weights(tmp_path: Path) -> None:
    toy = config(tmp_path, "open_clip")
    first = open_towers(toy, tmp_path / "cache")
    assert first.image_path is not None
    assert first.backbone.image_tower is None
    written_ns = first.image_path.stat().st_mtime_ns
    again = open_towers(toy, tmp_path / "cache")
    assert again.image_path == first.image_path
    assert first.image_path.stat().st_mtime_ns == written_ns
    assert [path.name for path in first.image_path.parent.iterdir()] == ["image_tower.onnx"]


def test_a_tuned_tower_stays_in_torch(tmp_path: Path) -> None:
    phases = [{"epochs": 1, "text_tower_lr": 0, "image_tower_lr": 1e-4, "fusion_lr": 1e-3}]
    towers = opened(tmp_path, "open_clip", towers={"image": {"mode": "adapters"}}, phases=phases)
    assert (towers.image_path, towers.spec) == (None, None)
    assert towers.backbone.image_tower is not None


@pytest.mark.parametrize("name", ["max_text_tokens", "max_tag_tokens"])
def test_texts_longer_than_the_tower_takes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"preprocess\.{name}: 40, but the text tower takes at most 16"):
        opened(tmp_path, preprocess={name: 40} | ({"max_tag_tokens": 6} if name == "max_text_tokens" else {}))


def test_a_graph_that_scales_by_the_batch_is_fed_one_picture_at_a_time(tmp_path: Path) -> None:
    shapes = {"image_embeds": ["batch", 5], "patch_tokens": ["batch", 4, 7]}
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["pixel_values"], ["q", "scale", "zero"]),
        *(helper.make_node("Identity", ["pixel_values"], [name]) for name in shapes),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 16, 16])
    onnx.save(helper.make_model(helper.make_graph(nodes, "tower", [pixels], outputs)), tmp_path / "tower.onnx")
    spec = onnx_tower_spec(tmp_path / "tower.onnx", _NAMES)
    assert (spec.batch_invariant, spec.precision) == (False, "int8")


def test_an_exported_tower_that_differs_from_its_module_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr("training.run.backbone.TOWER_PARITY_LIMIT", -1.0)
    with pytest.raises(ExportRefusedError, match="differs from its torch module"):
        write_tower(TinyImageTower().eval(), 32, tmp_path / "tower.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_difference_of_another_tower_is_seen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tower = TinyImageTower().eval()
    assert write_tower(tower, 32, tmp_path / "tower.onnx") < 1e-5
    assert tower_difference(TinyImageTower().eval(), 32, tmp_path / "tower.onnx") > 1e-2


def test_a_digest_of_weights_changes_with_any_weight() -> None:
    tower = TinyImageTower()
    before = weights_digest(tower)
    assert weights_digest(tower) == before
    with torch.no_grad():
        tower.pool.bias[0] += 1e-3
    assert weights_digest(tower) != before


#: Places among the inputs: 1 the patches, 3 the token ids.
@pytest.mark.parametrize(
    ("modalities", "hidden", "shown"), [(Modalities(image=False), 1, 3), (Modalities(text=False), 3, 1)]
)
def test_a_twin_never_looks_at_the_other_modality(modalities: Modalities, hidden: int, shown: int) -> None:
    twin = SingleModality(tiny_network(), modalities).eval()
    inputs = list(head_example(twin, batch=4, text_tokens=5, tags=2, patches=PATCHES, seed=1))

    def logits(changed: int | None = None) -> np.ndarray:
        given = list(inputs)
        if changed is not None:
            given[changed] = inputs[changed].flip(0)
        with torch.inference_mode():
            return torch.cat(twin(*given), dim=1).numpy()

    assert np.array_equal(logits(), logits(hidden))
    assert np.abs(logits() - logits(shown)).max() > 1e-4
