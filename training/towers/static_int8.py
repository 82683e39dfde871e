"""Static int8 of an image tower: scales of activations are fitted once, on pictures, and stand in the graph.

So a picture's features do not depend on the pictures beside it, and nothing is measured at run time. Weights take 7 of
their 8 bits: on processors without VNNI, onnxruntime adds two products of 8-bit integers in 16 bits, which overflows
with 8 and cannot with 7. The same integers come out on every processor, by its fastest instructions.

Attention's own products, of activations with one another, stay in float32: they are a thirtieth of the work, and lost
most for it.
"""

import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from tqdm import tqdm

from model.atomic import file_digest
from model.engine.onnxruntime_network import OnnxruntimeNetwork
from training.towers.folding import fold_scales
from training.towers.integer_products import fuse_products
from training.towers.smoothing import products, smooth, watched
from training.towers.stored import Floats, Wiring, is_stored_product

#: Of the recipe below: a tower that was quantised by another is not taken from the cache.
_RECIPE = "smoothed, min and max, 7-bit weights by channel, attention in float32, fused"
_LARGEST_OF_7_BITS = 64
Pixels = NDArray[np.float32]


def quantise_tower(source: Path, pictures: Sequence[Pixels], target: Path) -> None:
    """Write the tower in ``source``, an fp32 ONNX graph, to ``target`` in static int8.

    ``pictures`` are pixels [3, S, S] that the scales are fitted on. The file appears whole or not at all. Raises
    ``ValueError`` without pictures, or for a graph that has no matrices to quantise.
    """
    if not pictures:
        raise ValueError("static int8 needs pictures that the scales of activations are fitted on")
    model = onnx.load(str(source))
    fold_scales(model)
    names = [product.activation for product in products(model.graph)]
    if not names:
        raise ValueError(f"{source} multiplies nothing with stored matrices: there is nothing to quantise")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        smoothed, draft = Path(folder) / "smoothed.onnx", Path(folder) / target.name
        smooth(model, _largest(model, names, pictures, Path(folder)))
        onnx.save(model, smoothed)
        _quantise(model.graph, smoothed, pictures, draft)
        quantised = onnx.load(draft)
        fuse_products(quantised)
        onnx.save(quantised, draft)
        draft.replace(target)


def quantised_name(source: Path, pictures: Iterable[Path]) -> str:
    """What a quantised tower is kept under: of its fp32 graph, its pictures, and the recipe."""
    parts = [_RECIPE, file_digest(source), *(file_digest(path) for path in pictures)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def has_7_bit_weights(graph: onnx.GraphProto) -> bool:
    """Whether the graph's activations have fixed scales and its int8 matrices no value beyond 7 bits."""
    operators = {node.op_type for node in graph.node}
    if "QuantizeLinear" not in operators or "DynamicQuantizeLinear" in operators:
        return False
    matrices = [numpy_helper.to_array(entry) for entry in graph.initializer if entry.data_type == onnx.TensorProto.INT8]
    return all(np.abs(matrix.astype(np.int16)).max(initial=0) <= _LARGEST_OF_7_BITS for matrix in matrices)


def _largest(
    model: onnx.ModelProto, names: Sequence[str], pictures: Sequence[Pixels], folder: Path
) -> dict[str, Floats]:
    """The largest absolute value [K] of each channel of the activations ``names``."""
    path = folder / "watched.onnx"
    onnx.save(watched(model, names), path)
    network = OnnxruntimeNetwork(path, "CPUExecutionProvider", None, any_size=False)
    largest: dict[str, Floats] = {}
    for pixels in tqdm(pictures, desc="channels of the image tower", unit="picture", disable=None):
        found = network.run(names, {network.input_names[0]: pixels[None]})
        for name, values in zip(names, found, strict=True):
            now = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            largest[name] = np.maximum(largest.get(name, now), now)
    return largest


def _quantise(graph: onnx.GraphProto, source: Path, pictures: Sequence[Pixels], target: Path) -> None:
    """Quantise ``graph``, whose file is ``source``."""
    from onnxruntime import quantization as quant  # noqa: PLC0415 - slow to import, and needed by few

    (pixels,), wiring = graph.input, Wiring(graph)
    of_activations = [node.name for node in graph.node if not is_stored_product(wiring, node)]
    with _quietly():
        quant.quantize_static(
            str(source),
            str(target),
            _reader(pixels.name, pictures),
            quant_format=quant.QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=of_activations,
            per_channel=True,
            reduce_range=True,
            activation_type=quant.QuantType.QUInt8,
            weight_type=quant.QuantType.QInt8,
            calibrate_method=quant.CalibrationMethod.MinMax,
            # What a product comes to is added to floats at once: rounding it to int8 would lose for nothing.
            extra_options={"OpTypesToExcludeOutputQuantization": ["MatMul"]},
        )


def _reader(name: str, pictures: Sequence[Pixels]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader  # noqa: PLC0415 - slow to import, and needed by few

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rows = iter(tqdm(pictures, desc="scales of the image tower", unit="picture", disable=None))

        def get_next(self) -> dict[str, Pixels] | None:
            pixels = next(self._rows, None)
            return None if pixels is None else {name: pixels[None]}

    return Reader()


@contextmanager
def _quietly() -> Iterator[None]:
    """onnxruntime's quantiser recommends, by the root logger, a pre-processing that this graph has no use for."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
