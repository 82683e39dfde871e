"""A tiny bundle whose words and pictures share a space, as those of an open_clip model do."""

from pathlib import Path

import numpy as np
import onnx

from model.bundle import Bundle
from model.export.graph import TEXT_OUTPUT
from support.tiny import EMBED_WIDTH, TinyBundle


def with_shared_space(tiny: TinyBundle, folder: Path) -> Bundle:
    """The bundle with the names of an open_clip model's towers, whose words are as wide as its pictures."""
    model = onnx.load(tiny.parts.head_path)
    (output,) = (one for one in model.graph.output if one.name == TEXT_OUTPUT)
    for node in model.graph.node:
        node.output[:] = ["text_whole" if name == TEXT_OUTPUT else name for name in node.output]
        node.input[:] = ["text_whole" if name == TEXT_OUTPUT else name for name in node.input]
    bounds = {"text_start": [0], "text_end": [EMBED_WIDTH], "text_axis": [1]}
    for name, value in bounds.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, dtype=np.int64), name))
    model.graph.node.append(onnx.helper.make_node("Slice", ["text_whole", *bounds], [TEXT_OUTPUT]))
    output.type.tensor_type.shape.dim[1].dim_value = EMBED_WIDTH
    onnx.save(model, folder / "head.onnx")
    name = "open_clip ViT-tiny"
    return tiny.written_anew(
        folder / "bundle",
        head_path=folder / "head.onnx",
        head=tiny.parts.head.model_copy(update={"text_backbone": f"{name}, frozen", "text_width": EMBED_WIDTH}),
        image_tower=tiny.parts.image_tower.model_copy(update={"backbone": name}),
    )
