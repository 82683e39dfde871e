from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from open_clip.model import CustomTextCLIP
from support.preparation import PREPROCESS
from support.tiny import PATCHES, tiny_network

from model.errors import ExportRefusedError
from model.export import check_head_parity, export_head, export_image_tower
from model.network.config import TowerTuning
from model.network.image_tower import OpenClipImageTower
from model.network.tuning import apply_tuning

LIMITS = {"max_text_tokens": PREPROCESS.max_text_tokens, "max_tags": PREPROCESS.max_tags, "patches": PATCHES}
ADAPTERS = TowerTuning(mode="adapters")


def test_a_text_towers_adapters_are_exported_with_the_head(tmp_path: Path) -> None:
    network = tiny_network()
    apply_tuning(network.text_tower, ADAPTERS)
    export_head(network, tmp_path / "head.onnx")
    check_head_parity(network, tmp_path / "head.onnx", "fp32", **LIMITS)
    network.text_tower.adapters = None
    with pytest.raises(ExportRefusedError, match="differ from the network's by"):
        check_head_parity(network, tmp_path / "head.onnx", "fp32", **LIMITS)


def test_an_image_towers_adapters_are_exported_with_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vision = {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1}
    text = {"context_length": 9, "vocab_size": 40, "width": 8, "heads": 2, "layers": 1}
    tower = OpenClipImageTower(CustomTextCLIP(embed_dim=12, vision_cfg=vision, text_cfg=text).visual, 32).eval()
    pixels = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        plain = [value.numpy() for value in tower(pixels)]
    apply_tuning(tower, ADAPTERS)
    with torch.inference_mode():
        expected = [value.numpy() for value in tower(pixels)]
    export_image_tower(tower, 32, tmp_path / "tower.onnx")
    session = ort.InferenceSession(str(tmp_path / "tower.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["image_embeds", "patch_tokens"], {"pixel_values": pixels.numpy()})
    for exported, adapted, unadapted in zip(found, expected, plain, strict=True):
        assert np.abs(exported - adapted).max() < 1e-5
        assert np.abs(exported - unadapted).max() > 1e-2
