"""What computes the networks: onnxruntime on the CPU or on CUDA, or OpenVINO on the CPU.

Read ``choice.py`` first (which engine runs which network), then ``network.py`` (how a graph is opened and run).
"""

from model.engine.choice import (
    ENGINE_CHOICES,
    REFERENCE,
    Choice,
    EngineChoice,
    EngineName,
    Engines,
    Provider,
    asked_engine,
    check_installed,
    choose,
)
from model.engine.int8 import Ranges
from model.engine.network import Network, open_network

__all__ = [
    "ENGINE_CHOICES",
    "REFERENCE",
    "Choice",
    "EngineChoice",
    "EngineName",
    "Engines",
    "Network",
    "Provider",
    "Ranges",
    "asked_engine",
    "check_installed",
    "choose",
    "open_network",
]
