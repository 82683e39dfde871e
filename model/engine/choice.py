"""Choice of an engine for each network: the one that was asked for, or of each what is measured to be the fastest."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from model.engine import openvino_network
from model.engine.processor import Processor, this_processor
from model.errors import EngineConflictError, EngineUnavailableError

#: onnxruntime on the CPU is the reference that the others are held against; cuda is onnxruntime on a GPU.
#: openvino computes in float32, openvino_bf16 in bfloat16, openvino_int8 products in 8-bit integers. `auto` takes the
#: latter two for the OCR networks alone: they read the same words so, but scores would move.
EngineName = Literal["onnxruntime", "openvino", "openvino_bf16", "openvino_int8", "cuda"]
EngineChoice = Literal["auto", "onnxruntime", "openvino", "cuda"]
ENGINE_CHOICES: tuple[EngineChoice, ...] = get_args(EngineChoice)
#: The older name of the choice: "cpu" says no more than that it is not cuda.
Provider = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Engines:
    """Which engine runs which network. ``ocr`` is of the networks that read words: None where none of them does."""

    image_tower: EngineName
    head: EngineName
    ocr: EngineName | None

    def __str__(self) -> str:
        names = {"image tower": self.image_tower, "head": self.head, "OCR": self.ocr}
        return ", ".join(f"{network} {engine}" for network, engine in names.items() if engine is not None)


#: Every network on the reference engine.
REFERENCE = Engines("onnxruntime", "onnxruntime", "onnxruntime")


@dataclass(frozen=True)
class Choice:
    """The ``engines`` that were taken. ``warnings`` say what is not as fast as it could be, or as was asked for."""

    engines: Engines
    warnings: tuple[str, ...] = ()


def asked_engine(engine: EngineChoice, provider: Provider | None) -> EngineChoice:
    """What is asked for by an engine and, under the older name, a provider.

    Raises ``EngineConflictError`` when they contradict each other.
    """
    if provider is None or (provider == "cpu" and engine != "cuda") or engine == provider:
        return engine
    if engine == "auto":
        return "cuda"
    raise EngineConflictError(
        f"the provider {provider} and the engine {engine} contradict each other: provider is the older name of engine, "
        "so leave it out"
    )


def check_installed(asked: EngineChoice) -> None:
    """Raise ``EngineUnavailableError`` for OpenVINO asked for and not installed.

    Whether CUDA can be had is known when a network is opened.
    """
    if asked == "openvino" and (reason := openvino_network.missing()):
        raise EngineUnavailableError(
            f"asked for the engine openvino, and {reason}; install it with: pip install openvino, or ask for the "
            "engine auto or onnxruntime"
        )


def choose(
    asked: EngineChoice | Engines = "auto", *, int8_tower: bool = False, processor: Processor | None = None
) -> Choice:
    """Which engine runs which network. ``Engines`` were chosen already.

    ``int8_tower``: the image tower's activations are int8, which OpenVINO computes to other numbers, and slower; so
    onnxruntime runs such a tower. ``processor`` is what `auto` chooses for (None: this machine's).
    Raises ``EngineUnavailableError`` as ``check_installed`` does.
    """
    if isinstance(asked, Engines):
        return Choice(asked)
    check_installed(asked)
    if asked == "auto":
        return _fastest(processor or this_processor())
    engines = Engines(asked, asked, asked)
    if asked == "openvino" and int8_tower:
        warning = "engine openvino: the image tower of this bundle is one that only onnxruntime runs as it was measured"
        return Choice(replace(engines, image_tower="onnxruntime"), (warning,))
    return Choice(engines)


def _fastest(processor: Processor) -> Choice:
    """On a CPU, by measurement; a GPU is used only when it is asked for.

    OpenVINO reads words faster in bfloat16 where there are tiles for it, else in 8-bit integers where there are
    instructions for these, and in float32 on Intel's processors with AVX-512 (docs/results.md). Of the bundle's graphs
    onnxruntime is as fast or faster.
    """
    reader = _fastest_reader(processor)
    if reader == "onnxruntime":
        return Choice(REFERENCE)
    if reason := openvino_network.missing():
        return Choice(REFERENCE, (f"engine auto: {reason}, so onnxruntime reads the words, which takes longer",))
    return Choice(replace(REFERENCE, ocr=reader))


def _fastest_reader(processor: Processor) -> EngineName:
    if processor.has_bf16_tiles:
        return "openvino_bf16"
    if processor.multiplies_int8:
        return "openvino_int8"
    return "openvino" if processor.is_openvino_faster else "onnxruntime"
