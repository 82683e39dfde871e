"""Weights in int8: a quarter of the size on disk, the same float arithmetic at run time.

Only weights are quantised, each output channel (or embedding row) with its own scale. Activations stay float: int8
activations are scaled over the whole batch, which would make a meme's score depend on the memes beside it.

The network's weights are first rounded to the int8 grid in torch, so that the torch network and the packed graph hold
equal numbers and can be compared on logits. What the rounding itself costs is measured on dev (``check_auroc_loss``).
"""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from model.errors import ExportRefusedError

MAX_DEV_AUROC_LOSS = 0.005
#: Matrices smaller than this are left alone: they weigh nothing and lose most.
_MIN_ELEMENTS = 4096
_LEVELS = 127.0


def round_weights_to_int8(network: nn.Module) -> None:
    """Move every large matrix of ``network``, in place, to the nearest point of its int8 grid (a scale a row)."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 2 and parameter.numel() >= _MIN_ELEMENTS:
                quantised, scale = _quantise(parameter.numpy(), axis=0)
                parameter.copy_(torch.from_numpy(_dequantise(quantised, scale, axis=0)))


def pack_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace each large float matrix among the initialisers by int8, scales and a DequantizeLinear node."""
    graph = model.graph
    # Shapes noted by the exporter name the initialisers that are replaced here.
    graph.ClearField("value_info")
    matrices = [entry for entry in graph.initializer if _is_large_matrix(entry)]
    nodes: list[onnx.NodeProto] = []
    for entry in matrices:
        quantised, scale, axis = _on_grid(entry.name, numpy_helper.to_array(entry))
        names = (f"{entry.name}.int8", f"{entry.name}.scale")
        graph.initializer.remove(entry)
        graph.initializer.append(numpy_helper.from_array(quantised, names[0]))
        graph.initializer.append(numpy_helper.from_array(scale, names[1]))
        nodes.append(helper.make_node("DequantizeLinear", names, [entry.name], axis=axis))
    nodes.extend(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def check_auroc_loss(fp32: float, int8: float) -> None:
    """Raise ``ExportRefusedError`` when int8 costs more than ``MAX_DEV_AUROC_LOSS`` of dev AUROC."""
    # Rounded, since .9 - .895 is a little over .005 in floats; written so that NaN is refused too.
    if not round(fp32 - int8, 6) <= MAX_DEV_AUROC_LOSS:
        raise ExportRefusedError(
            f"int8 lowers dev AUROC from {fp32:.4f} to {int8:.4f}; at most {MAX_DEV_AUROC_LOSS} may go: export fp32"
        )


def _is_large_matrix(entry: onnx.TensorProto) -> bool:
    is_float = entry.data_type == onnx.TensorProto.FLOAT
    return is_float and len(entry.dims) == 2 and int(np.prod(entry.dims)) >= _MIN_ELEMENTS


def _on_grid(name: str, matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32], int]:
    """int8 values, scales and channel axis of a rounded matrix, which the exporter may have transposed."""
    for axis in (0, 1):
        quantised, scale = _quantise(matrix, axis)
        error = np.abs(_dequantise(quantised, scale, axis) - matrix).max()
        if error <= 1e-5 * np.abs(matrix).max():
            return quantised, scale, axis
    raise ExportRefusedError(f"{name} is not on the int8 grid: round the network's weights before exporting int8")


def _quantise(matrix: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    largest = np.abs(matrix).max(axis=1 - axis)
    scale = (np.where(largest > 0, largest, 1.0) / _LEVELS).astype(np.float32)
    return np.rint(matrix / np.expand_dims(scale, 1 - axis)).astype(np.int8), scale


def _dequantise(quantised: NDArray[np.int8], scale: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    return quantised.astype(np.float32) * np.expand_dims(scale, 1 - axis)
