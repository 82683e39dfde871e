"""The ranges that ship are those of the networks that are installed, and of nothing else."""

import json
from pathlib import Path

import openvino
import pytest

from model.engine import Engines
from model.engine.int8 import products, quantise
from model.errors import EngineUnavailableError
from model.ocr import make_engine
from model.ocr.rapid import ranges
from model.ocr.rapid.models import DETECTOR_FILE, RECOGNISER_FILE, model_file
from model.ocr.rapid.ranges import ranges_of

INT8 = Engines("onnxruntime", "onnxruntime", "openvino_int8")


@pytest.mark.parametrize("name", [DETECTOR_FILE, RECOGNISER_FILE])
def test_most_products_of_the_installed_networks_have_ranges(name: str) -> None:
    file = model_file(name)
    found, graph = ranges_of(file), openvino.Core().read_model(file)
    assert all(low <= 0 < high for low, high in found.values())
    assert len(found) > 0.75 * len(products(graph))
    quantise(graph, found)  # raises for a name that it does not know


def test_ranges_of_another_version_of_a_network_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / DETECTOR_FILE
    other.write_bytes(b"another network")
    with pytest.raises(EngineUnavailableError, match=r"write_ocr_ranges\.py, or ask for the engine openvino"):
        ranges_of(other)
    known = json.loads(ranges.RANGES.read_text())
    known[RECOGNISER_FILE]["sha256"] = "of an older one"
    (tmp_path / "ranges.json").write_text(json.dumps(known))
    monkeypatch.setattr(ranges, "RANGES", tmp_path / "ranges.json")
    assert f"{RECOGNISER_FILE} is not the network" in str(make_engine("rapidocr", engine=INT8).unavailable_reason())
