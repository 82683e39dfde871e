"""A network that onnxruntime runs, on the CPU or with CUDA."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from model.errors import EngineUnavailableError

# Where nearly every call has another size, cuDNN's default, which tries all algorithms for each size, would take longer
# than the call.
_ANY_SIZE = {"CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC"}}


class OnnxruntimeNetwork:
    """One session. Calls at the same time share it, each with its threads."""

    def __init__(
        self, path: Path, provider: str, threads: int | None, *, any_size: bool = False, static_int8: bool = False
    ) -> None:
        self._session = _session(path, provider, session_options(threads, static_int8=static_int8), any_size)
        self.input_names = tuple(node.name for node in self._session.get_inputs())
        self.output_names = tuple(node.name for node in self._session.get_outputs())

    @property
    def providers(self) -> list[str]:
        """Execution providers in force, in onnxruntime's names."""
        return list(self._session.get_providers())

    def metadata(self, key: str) -> str:
        """What the file says under ``key``."""
        return str(self._session.get_modelmeta().custom_metadata_map[key])

    def prepare(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Nothing: a session runs every shape alike."""

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs that are named, for inputs by name."""
        found: list[NDArray[Any]] = self._session.run(list(outputs), dict(feed))
        return found


def session_options(threads: int | None = None, *, static_int8: bool = False) -> ort.SessionOptions:
    """How every session of this project is opened. ``threads`` bounds the cores of one call (None: all).

    ``static_int8``: the graph's activations have fixed int8 scales and its weights 7 bits, so it is run in integers.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not static_int8:
        # int8 weights become float once, when the session opens, instead of at every call.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        # On x86 without VNNI, products of 8-bit integers are summed in 16 bits that overflow: what an int8 image tower
        # says is then noise. This takes instructions that do not overflow there, and changes nothing elsewhere. Of
        # 7-bit weights no sum overflows.
        options.add_session_config_entry("session.x64quantprecision", "1")
    # Threads that wait for work while turning in circles keep the cores from whoever has some: on two cores a server
    # judges twice as many memes without it, and a call on its own is not slower.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def _session(path: Path, wanted: str, options: ort.SessionOptions, any_size: bool) -> ort.InferenceSession:
    if wanted not in ort.get_available_providers():
        raise EngineUnavailableError(
            f"execution provider {wanted} is not in this onnxruntime ({', '.join(ort.get_available_providers())}); "
            "install the extra 'gpu', or ask for the engine 'onnxruntime'"
        )
    options.enable_cpu_mem_arena = not any_size
    providers = [(wanted, _ANY_SIZE.get(wanted, {}) if any_size else {})]
    session = ort.InferenceSession(str(path), options, providers=providers)
    # onnxruntime falls back to the CPU without a word when CUDA's libraries are missing.
    if session.get_providers()[0] != wanted:
        raise EngineUnavailableError(
            f"asked onnxruntime for {wanted}, got {session.get_providers()[0]}: the CUDA libraries were not found; "
            "install the extra 'gpu' and a driver, or ask for the engine 'onnxruntime'"
        )
    return session
