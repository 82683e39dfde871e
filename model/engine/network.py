"""The interface to a network in a file: arrays in, arrays out, whichever engine computes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from model.engine.choice import EngineName
from model.engine.int8 import Ranges
from model.engine.onnxruntime_network import OnnxruntimeNetwork
from model.engine.openvino_network import OpenvinoNetwork, Precision

_OPENVINO: dict[EngineName, Precision] = {"openvino": "f32", "openvino_bf16": "bf16", "openvino_int8": "int8"}


class Network(Protocol):
    """A graph that is open. Safe under threads: calls at the same time do not wait for each other."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of its inputs."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of its outputs."""

    @property
    def providers(self) -> list[str]:
        """What computes it: execution providers in onnxruntime's names, or OpenVINO."""

    def metadata(self, key: str) -> str:
        """What the file says under ``key``; raises ``KeyError`` where it says nothing."""

    def prepare(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Get ready for float32 inputs of these shapes, where the engine does so for each shape once."""

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs that are named, for inputs by name."""


def open_network(
    path: Path,
    engine: EngineName = "onnxruntime",
    threads: int | None = None,
    *,
    any_size: bool = False,
    static_int8: bool = False,
    ranges: Ranges | None = None,
) -> Network:
    """Open an ONNX file. ``threads`` bounds the cores of one call (None: all).

    ``any_size``: what it is given is of another size at nearly every call, so memory for one is not kept for the next.
    ``static_int8``: its activations have fixed int8 scales and its weights 7 bits, so it is run in integers.
    ``ranges``: by which ``openvino_int8``, which needs them, computes products in integers.

    Raises ``EngineUnavailableError`` for an engine that is not there or lacks ranges; none is ever put in its place.
    """
    if engine in _OPENVINO:
        return OpenvinoNetwork(path, threads, _OPENVINO[engine], ranges=ranges)
    provider = "CUDAExecutionProvider" if engine == "cuda" else "CPUExecutionProvider"
    return OnnxruntimeNetwork(path, provider, threads, any_size=any_size, static_int8=static_int8)
