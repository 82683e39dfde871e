"""Ranges of what the products of PP-OCR's networks are given, by which they are computed in 8-bit integers.

``ranges.json`` is written by ``scripts/write_ocr_ranges.py``. A product that is not in it stays in float32.
"""

import json
from pathlib import Path

from model.atomic import file_digest
from model.engine import Ranges
from model.errors import EngineUnavailableError

#: Network's file -> {"sha256": of that file, "products": {name: [least, largest]}}.
RANGES = Path(__file__).with_suffix(".json")


def ranges_of(network: Path) -> Ranges:
    """Ranges of a network in a file. Raises ``EngineUnavailableError`` where they are of another one."""
    known = json.loads(RANGES.read_text(encoding="utf-8")).get(network.name)
    if known is None or known["sha256"] != file_digest(network):
        raise EngineUnavailableError(
            f"openvino_int8: {network.name} is not the network that {RANGES.name} has ranges of; make them anew with: "
            "scripts/write_ocr_ranges.py, or ask for the engine openvino or onnxruntime"
        )
    return {name: (low, high) for name, (low, high) in known["products"].items()}
