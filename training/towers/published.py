"""A published int8 image tower of CLIP as a torch module: at another side than its own, and to be quantised anew.

The package that carries OpenAI's ViT-B/16 holds it as an ONNX graph with int8 weights and activations whose scales
follow each batch (onnxruntime's ``quantize_dynamic`` of an export by transformers). Its weights are the only ones that
the package registry has, so they are read from there.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from model.errors import EngineUnavailableError

_POSITIONS = "vision_model.embeddings.position_embedding.weight"
_PROJECTION = "visual_projection.weight"
_INT8 = "_quantized"
#: What the shapes of its weights do not tell of a CLIP: every one of OpenAI's has heads of this width.
_HEAD_WIDTH = 64


class PublishedImageTower(nn.Module):
    """CLIP's vision tower as transformers has it (Radford et al. 2021).

    Symbols: B pictures, S side in px, P patch tokens, the class token first, Di and Dp the widths.
    """

    def __init__(self, clip: Any) -> None:
        """``clip`` is a ``transformers.CLIPVisionModelWithProjection``."""
        super().__init__()
        self.clip = clip
        self.side_px: int = clip.config.image_size

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """``pixel_values`` float32 [B, 3, S, S] -> image_embeds [B, Di], patch_tokens [B, P, Dp].

        The embeddings are not normalised; the tokens are the last layer's, as the published graph gives them.
        """
        found = self.clip(pixel_values=pixel_values)
        return found.image_embeds, found.last_hidden_state


def published_tower(path: Path, side_px: int | None = None) -> PublishedImageTower:
    """The tower in the ONNX file at ``path``, for pictures of ``side_px`` (None: of its own side).

    For another side its position embeddings are interpolated, as CLIP's own authors do for larger pictures. Raises
    ``ValueError`` for a side that is no multiple of the patches', ``EngineUnavailableError`` for a file that holds
    another network.
    """
    weights = _float_weights(path)
    try:
        patch_px, width = weights["vision_model.embeddings.patch_embedding.weight"].shape[-1], _width(weights)
        grid = side_px // patch_px if side_px is not None else _grid(weights[_POSITIONS])
        if side_px is not None and (side_px % patch_px or not grid):
            raise ValueError(
                f"side_px is {side_px}: the image tower wants a multiple of {patch_px}, as its patches are"
            )
        clip = _empty_clip(weights, width, patch_px, grid * patch_px)
        weights[_POSITIONS] = resized_positions(weights[_POSITIONS], grid)
        clip.load_state_dict({name: values.reshape(clip.state_dict()[name].shape) for name, values in weights.items()})
    except (KeyError, RuntimeError) as error:
        raise EngineUnavailableError(
            f"{path} is no vision tower of CLIP as transformers exports it ({error}): leave image_tower out of the "
            "config to take the file as it is"
        ) from error
    return PublishedImageTower(clip.eval())


def resized_positions(positions: Tensor, grid: int) -> Tensor:
    """Position embeddings [1 + G * G, D], the class token's first, for ``grid`` x ``grid`` patches (bicubic)."""
    before = _grid(positions)
    if grid == before:
        return positions
    patches = positions[1:].T.reshape(1, -1, before, before)
    patches = F.interpolate(patches, size=(grid, grid), mode="bicubic", antialias=True)
    return torch.cat([positions[:1], patches.flatten(2)[0].T])


def _grid(positions: Tensor) -> int:
    return math.isqrt(len(positions) - 1)


def _width(weights: dict[str, Tensor]) -> int:
    return len(weights["vision_model.post_layernorm.weight"])


def _empty_clip(weights: dict[str, Tensor], width: int, patch_px: int, side_px: int) -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection  # noqa: PLC0415 - slow to import

    layers = {name.split(".")[3] for name in weights if name.startswith("vision_model.encoder.layers.")}
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=len(weights["vision_model.encoder.layers.0.mlp.fc1.bias"]),
        num_hidden_layers=len(layers),
        num_attention_heads=width // _HEAD_WIDTH,
        image_size=side_px,
        patch_size=patch_px,
        projection_dim=len(weights[_PROJECTION]),
        hidden_act="quick_gelu",
    )
    return CLIPVisionModelWithProjection(config)


def _float_weights(path: Path) -> dict[str, Tensor]:
    """float32 weights by their names in torch, matrices [out, in] as ``nn.Linear`` has them."""
    graph = onnx.load(str(path)).graph
    stored = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    weights = {
        name: torch.from_numpy(np.array(values)) for name, values in stored.items() if name.startswith("vision_model.")
    }
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            matrix = _dequantised(stored, node.input[1].removesuffix(_INT8))
            weights[_linear_name(node.output[0])] = torch.from_numpy(matrix.T.copy())
    return weights


def _dequantised(stored: dict[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    integers, zero = stored[name + _INT8].astype(np.float32), stored[f"{name}_zero_point"].astype(np.float32)
    matrix: NDArray[np.float32] = (integers - zero) * stored[f"{name}_scale"].astype(np.float32)
    return matrix


def _linear_name(output: str) -> str:
    """ "/vision_model/encoder/layers.0/mlp/fc1/MatMul_output_0_output_quantized" -> the weight's name in torch."""
    path, _, _ = output.rpartition("/MatMul_output_0")
    return f"{path.strip('/').replace('/', '.')}.weight" if path else _PROJECTION
