"""A network that OpenVINO runs on the CPU.

- Nothing is reported to its maker: of the package only what runs networks is imported, not the converter that reports.
- float32 is computed as float32 unless bfloat16 or int8 is asked for: OpenVINO's default is what the processor likes
  best, and bfloat16 changes scores.
- Nothing is kept on disk: compiled networks would lie in a folder that nobody asked for.
"""

import importlib
import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.engine.int8 import Ranges, quantise
from model.engine.processor import Processor, this_processor
from model.errors import EngineUnavailableError

Precision = Literal["f32", "bf16", "int8"]

#: Its import sends a message to Google Analytics, unless it cannot be imported; then openvino goes on without it.
_REPORTER = "openvino.tools.ovc"
_import_lock = threading.Lock()


class OpenvinoNetwork:
    """A network that is compiled once for each call at the same time, since one that is compiled runs one call.

    The first is compiled at once, the others when they are needed; there are never more than there are cores for.
    ``ranges`` are for int8: products that have none are computed in float32.
    Raises ``EngineUnavailableError`` where OpenVINO is missing, for bf16 or int8 on a processor that has no
    instructions for it, and for int8 without ranges: what is computed in its place would not be what was asked for.
    """

    def __init__(
        self, path: Path, threads: int | None, precision: Precision = "f32", *, ranges: Ranges | None = None
    ) -> None:
        self._openvino = _openvino()
        _check_instructions(precision, this_processor())
        self._threads = threads
        self._precision = precision
        self._graph = _core().read_model(path)
        if precision == "int8":
            quantise(self._graph, _given(ranges, path))
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._may_compile = threading.Semaphore(_most_at_once(threads) - 1)
        self.compiled_model = self._compiled()
        self._idle.put(self.compiled_model.create_infer_request())
        self.input_names = tuple(port.get_any_name() for port in self._graph.inputs)
        self.output_names = tuple(port.get_any_name() for port in self._graph.outputs)

    @property
    def providers(self) -> list[str]:
        """OpenVINO, by its name."""
        return ["OpenVINO"]

    def metadata(self, key: str) -> str:
        """What the file says under ``key``."""
        return str(self._graph.get_rt_info()["framework"][key].value)

    def prepare(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Compute what a first call with float32 inputs of these shapes would compute beside its answer."""
        self.run((), {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs that are named, for inputs by name."""
        with self._request() as request:
            # The results are copies, so the request may go to the next caller.
            found = request.infer(dict(feed), share_inputs=True)
            return [found[name] for name in outputs]

    @contextmanager
    def _request(self) -> Iterator[Any]:
        """A request that nobody else uses meanwhile."""
        request = self._next()
        try:
            yield request
        finally:
            self._idle.put(request)

    def _next(self) -> Any:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            more = self._may_compile.acquire(blocking=False)
            return self._compiled().create_infer_request() if more else self._idle.get()

    def _compiled(self) -> Any:
        return _core().compile_model(self._graph, "CPU", _config(self._threads, self._precision))


def missing() -> str | None:
    """Why OpenVINO cannot be used; None when it can."""
    try:
        _openvino()
    except EngineUnavailableError as error:
        return str(error)
    return None


def _check_instructions(precision: Precision, processor: Processor) -> None:
    has_them, asked, instructions = {
        "f32": (True, "", ""),
        "bf16": (processor.multiplies_bf16, "bfloat16 (openvino_bf16)", "AMX or AVX-512 BF16"),
        "int8": (processor.multiplies_int8, "int8 (openvino_int8)", "AVX-512 VNNI"),
    }[precision]
    if not has_them:
        raise EngineUnavailableError(
            f"asked for OpenVINO in {asked}, for which this processor has no instructions ({instructions}); ask for "
            "the engine openvino or onnxruntime on every machine"
        )


def _given(ranges: Ranges | None, path: Path) -> Ranges:
    if ranges is None:
        raise EngineUnavailableError(
            f"asked for OpenVINO in int8 (openvino_int8) for {path.name}, of whose products no ranges are known; ask "
            "for the engine openvino or onnxruntime"
        )
    return ranges


def _config(threads: int | None, precision: Precision) -> dict[str, Any]:
    return {
        # Where products are in integers, what lies between them is in float32.
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads or _cores(),
        # Of several processes on one machine, each would take the first cores for itself.
        "ENABLE_CPU_PINNING": False,
        "CACHE_DIR": "",
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _most_at_once(threads: int | None) -> int:
    return max(1, _cores() // threads) if threads else 1


@cache
def _core() -> Any:
    return _openvino().Core()


def _openvino() -> Any:
    """The package, or ``EngineUnavailableError`` when it is not there."""
    with _import_lock, _without(_REPORTER):
        try:
            return importlib.import_module("openvino")
        except ImportError as error:
            raise EngineUnavailableError(f"the package openvino cannot be imported ({error})") from error


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Have a module that is not imported yet be missing for a while."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how import says that there is none
    try:
        yield
    finally:
        del sys.modules[module]
