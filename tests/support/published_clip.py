"""A tiny vision tower of CLIP as its package publishes it: int8 matrices in an ONNX graph, by transformers' names."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

SIDE_PX, PATCH_PX = 32, 8


def tiny_clip(side_px: int = SIDE_PX) -> Any:
    torch.manual_seed(3)
    config = CLIPVisionConfig(
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=side_px,
        patch_size=PATCH_PX,
        projection_dim=16,
        hidden_act="quick_gelu",
    )
    return CLIPVisionModelWithProjection(config).eval()


def publish(clip: Any, path: Path) -> None:
    """Write what is read of a published graph: its inputs and outputs, its weights and its products.

    ``clip`` is left with the weights that int8 leaves of its own.
    """
    entries: list[TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    for name, values in clip.state_dict().items():
        linear = name.removesuffix(".weight")
        if values.dim() != 2 or "embedding" in name:
            entries.append(numpy_helper.from_array(values.numpy().copy(), name))
            continue
        scale = np.float32(values.abs().max() / 127)
        integers = np.rint(values.numpy() / scale).astype(np.int8)
        values.copy_(torch.from_numpy(integers * scale))
        matrix = f"onnx::MatMul_{len(nodes)}"
        entries += [
            numpy_helper.from_array(integers.T.copy(), f"{matrix}_quantized"),
            numpy_helper.from_array(np.array(scale), f"{matrix}_scale"),
            numpy_helper.from_array(np.array(0, dtype=np.int8), f"{matrix}_zero_point"),
        ]
        output = f"/{linear.replace('.layers.', '.layers!').replace('.', '/').replace('!', '.')}/MatMul_output_0"
        output = "image_embeds" if linear == "visual_projection" else output
        inputs = ["x", f"{matrix}_quantized", "x_zero_point", f"{matrix}_zero_point"]
        nodes.append(helper.make_node("MatMulInteger", inputs, [f"{output}_output_quantized"]))
    tokens = 1 + (SIDE_PX // PATCH_PX) ** 2
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE_PX, SIDE_PX])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
        for name, shape in {"image_embeds": [16], "tokens": [tokens, 128]}.items()
    ]
    onnx.save(helper.make_model(helper.make_graph(nodes, "clip", [pixels], outputs, entries)), path)
