import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import open_clip
import pytest
import torch
from onnx import TensorProto, helper
from open_clip.model import CustomTextCLIP
from safetensors.torch import save_file
from support.network_cases import tiny_bert, tiny_config
from tokenizers import Tokenizer

from model.errors import EngineUnavailableError
from model.network.backbone import build_backbone
from model.network.config import BackboneConfig
from model.network.memefier import MemeFier

TINY_CLIP = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 8, "head_width": 4, "layers": 2},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2},
}


@pytest.fixture
def tiny_clip(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a small model that open_clip knows during the test."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-clip", TINY_CLIP)
    return "tiny-clip"


def save_clip(path: Path) -> CustomTextCLIP:
    torch.manual_seed(0)
    model = CustomTextCLIP(**TINY_CLIP).eval()
    torch.save(model.state_dict(), path)
    return model


@torch.no_grad()
def test_open_clip_backbone_has_the_weights_of_a_local_file(tmp_path: Path, tiny_clip: str) -> None:
    saved = save_clip(tmp_path / "weights.pt")
    config = BackboneConfig(kind="open_clip", name=tiny_clip, pretrained=str(tmp_path / "weights.pt"))
    backbone = build_backbone(config)
    assert (backbone.image_width, backbone.patch_width, backbone.side_px) == (6, 8, 16)
    assert backbone.mean == pytest.approx((0.4815, 0.4578, 0.4082), abs=1e-4)
    pixels, ids = torch.randn(2, 3, 16, 16), torch.tensor([[49406, 320, 49407]])
    assert backbone.image_tower is not None
    torch.testing.assert_close(backbone.image_tower(pixels)[0], saved.encode_image(pixels))
    padded = torch.nn.functional.pad(ids, (0, 9))
    torch.testing.assert_close(backbone.text_tower(ids, torch.ones_like(ids))[0], saved.encode_text(padded))


def test_open_clip_backbone_is_read_from_a_local_folder(tmp_path: Path) -> None:
    save_clip(tmp_path / "open_clip_model.pth")
    (tmp_path / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": TINY_CLIP, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5]}}), encoding="utf-8"
    )
    backbone = build_backbone(BackboneConfig(kind="open_clip", name=f"local-dir:{tmp_path}"))
    assert backbone.mean == (0.5, 0.5, 0.5)


@torch.no_grad()
def test_a_network_stands_on_an_open_clip_backbone(tiny_clip: str) -> None:
    backbone = build_backbone(BackboneConfig(kind="open_clip", name=tiny_clip))
    network = MemeFier(tiny_config(), backbone.text_tower, backbone.image_width, backbone.patch_width).eval()
    assert backbone.image_tower is not None
    embeds, patches = backbone.image_tower(torch.randn(1, 3, 16, 16))
    ids = Tokenizer.from_str(backbone.tokenizer.json.decode()).encode("hello there").ids
    text, tags = torch.tensor([ids]), torch.tensor([[ids]])
    present = torch.ones(1, dtype=torch.int64)
    logits = network(embeds, patches, present, text, torch.ones_like(text), tags, torch.ones_like(tags))
    assert [tuple(task.shape) for task in logits] == [(1, 1), (1, 3)]


@pytest.mark.parametrize(
    ("pretrained", "message"),
    [("openay", "'openay' is neither a file nor a pretrained tag"), ("weights.pt", "local weights file")],
)
def test_missing_weights_are_reported_with_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_clip: str, pretrained: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.pt").write_bytes(b"not weights")
    with pytest.raises(EngineUnavailableError, match=message):
        build_backbone(BackboneConfig(kind="open_clip", name=tiny_clip, pretrained=pretrained))


def test_a_local_folder_without_weights_is_refused_instead_of_giving_random_ones(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY_CLIP}), encoding="utf-8")
    with pytest.raises(EngineUnavailableError, match="no weights for backbone 'local-dir:"):
        build_backbone(BackboneConfig(kind="open_clip", name=f"local-dir:{tmp_path}"))


def test_pixel_statistics_of_a_weights_file_are_those_of_the_models_published_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_clip(tmp_path / "weights.pt")
    config = BackboneConfig(kind="open_clip", name="MobileCLIP-B", pretrained=str(tmp_path / "weights.pt"))
    stated = replace(config, mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 1.0))
    small_twins = {"MobileCLIP-B": TINY_CLIP, "ViT-L-14": TINY_CLIP}
    for name, model_config in small_twins.items():
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, model_config)
    published = open_clip.get_pretrained_cfg("MobileCLIP-B", "datacompdr")
    assert build_backbone(config).mean == published["mean"] == (0.0, 0.0, 0.0)
    assert build_backbone(stated).mean == (0.1, 0.2, 0.3)
    with pytest.raises(ValueError, match="published weights of ViT-L-14 differ in mean and std"):
        build_backbone(replace(config, name="ViT-L-14"))


def test_openai_tag_gets_the_activation_that_it_was_trained_with(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def unreachable_hub(name: str, **settings: Any) -> None:
        asked.update(settings)
        raise RuntimeError("no route to hub")

    monkeypatch.setattr(open_clip, "create_model", unreachable_hub)
    with pytest.raises(EngineUnavailableError, match="pretrained='openai': no route to hub"):
        build_backbone(BackboneConfig(kind="open_clip", name="ViT-L-14", pretrained="openai"))
    assert asked["force_quick_gelu"] is True


@pytest.mark.parametrize(
    ("name", "message"),
    [("ViT-X-99", "unknown open_clip model 'ViT-X-99'"), ("ViT-B-16-SigLIP", "give the path of its tokenizer.json")],
)
def test_models_that_cannot_be_built_say_why(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_backbone(BackboneConfig(kind="open_clip", name=name))


def save_onnx_tower(path: Path, patch_width: int | str = 7) -> None:
    """A graph that only declares its shapes: nothing here runs it."""
    nodes = [helper.make_node("Identity", ["pixel_values"], [name]) for name in ("image_embeds", "patch_tokens")]
    shapes = {"image_embeds": ["batch", 5], "patch_tokens": ["batch", 4, patch_width]}
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 16, 16])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
    )
    onnx.save(helper.make_model(graph), str(path))


def save_text_folder(folder: Path) -> None:
    tower = tiny_bert()
    save_file(
        {name: weights.contiguous() for name, weights in tower.bert.state_dict().items()}, folder / "model.safetensors"
    )
    (folder / "config.json").write_text(json.dumps(tower.bert.config.to_dict()), encoding="utf-8")
    (folder / "tokenizer.json").write_bytes(b"{}")


def compact(folder: Path) -> BackboneConfig:
    return BackboneConfig(kind="compact", image_tower=str(folder / "tower.onnx"), text_tower=str(folder))


def test_compact_backbone_takes_widths_from_the_onnx_file_and_the_text_tower_from_its_folder(tmp_path: Path) -> None:
    save_onnx_tower(tmp_path / "tower.onnx")
    save_text_folder(tmp_path)
    backbone = build_backbone(compact(tmp_path))
    assert backbone.image_tower is None
    assert backbone.image_tower_path == tmp_path / "tower.onnx"
    assert (backbone.image_width, backbone.patch_width, backbone.side_px) == (5, 7, 16)
    assert (backbone.text_tower.pooled_width, backbone.tokenizer.max_tokens) == (8, 32)
    assert backbone.tokenizer.json == b"{}"


def test_an_onnx_tower_with_an_unknown_width_is_refused(tmp_path: Path) -> None:
    save_onnx_tower(tmp_path / "tower.onnx", patch_width="width")
    with pytest.raises(ValueError, match="is no image tower"):
        build_backbone(compact(tmp_path))


@pytest.mark.parametrize("missing", ["tower.onnx", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_of_the_compact_pair_is_named(tmp_path: Path, missing: str) -> None:
    save_onnx_tower(tmp_path / "tower.onnx")
    save_text_folder(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(EngineUnavailableError, match=missing):
        build_backbone(compact(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "clip"}, "unknown backbone kind 'clip'"),
        ({"kind": "open_clip"}, "needs 'name'"),
        ({"kind": "compact", "image_tower": "tower.onnx"}, "needs 'text_tower'"),
        ({"kind": "open_clip", "name": "ViT-B-32", "mean": (0.5, 0.5, 0.5)}, "both 'mean' and 'std'"),
        ({"kind": "open_clip", "nam": "ViT-B-32"}, "unknown BackboneConfig setting 'nam'"),
    ],
)
def test_a_backbone_config_that_cannot_be_built_says_why(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BackboneConfig.from_dict(settings)
