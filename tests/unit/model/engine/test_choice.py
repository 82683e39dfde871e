import sys
from pathlib import Path

import pytest
from support.tiny import TinyBundle

from model import EngineUnavailableError, load
from model.engine import REFERENCE, EngineChoice, Engines, Provider, asked_engine, choose
from model.engine.processor import Processor, read_processor
from model.errors import EngineConflictError
from model.ocr import make_engine

INTEL = Processor("GenuineIntel", frozenset({"avx512f"}))
INTEL_WITH_TILES = Processor("GenuineIntel", frozenset({"avx512f", "avx512_vnni", "amx_bf16", "amx_tile"}))
INTEL_WITH_VNNI = Processor("GenuineIntel", frozenset({"avx512f", "avx512_vnni"}))
AMD = Processor("AuthenticAMD", frozenset({"avx512f"}))
AMD_WITH_VNNI = Processor("AuthenticAMD", frozenset({"avx512f", "avx512_vnni", "avx512_bf16"}))
OCR_BY_OPENVINO = Engines("onnxruntime", "onnxruntime", "openvino")
OCR_IN_BF16 = Engines("onnxruntime", "onnxruntime", "openvino_bf16")
OCR_IN_INT8 = Engines("onnxruntime", "onnxruntime", "openvino_int8")


@pytest.fixture
def no_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)


def test_auto_takes_for_each_network_what_is_the_fastest_on_the_processor() -> None:
    assert choose("auto", processor=INTEL).engines == OCR_BY_OPENVINO
    assert choose("auto", processor=INTEL_WITH_TILES).engines == OCR_IN_BF16
    assert choose("auto", processor=INTEL_WITH_VNNI).engines == OCR_IN_INT8
    assert choose("auto", processor=AMD_WITH_VNNI).engines == OCR_IN_INT8
    assert choose("auto", processor=AMD).engines == REFERENCE
    assert choose("auto").engines in (OCR_IN_BF16, OCR_IN_INT8, OCR_BY_OPENVINO, REFERENCE)
    assert not choose("auto").warnings


@pytest.mark.usefixtures("no_openvino")
def test_auto_names_a_faster_engine_that_is_missing_and_takes_the_reference() -> None:
    choice = choose("auto", processor=INTEL)
    assert choice.engines == REFERENCE
    assert "the package openvino cannot be imported" in choice.warnings[0]
    assert choose("auto", processor=AMD).warnings == ()


@pytest.mark.usefixtures("no_openvino")
def test_openvino_that_was_asked_for_and_is_missing_is_an_error_and_never_replaced(tiny: TinyBundle) -> None:
    with pytest.raises(EngineUnavailableError, match=r"asked for the engine openvino.*pip install openvino"):
        load(tiny.bundle.path, ocr="none", engine="openvino")
    with pytest.raises(EngineUnavailableError, match="asked for the engine openvino"):
        make_engine("rapidocr", engine="openvino")
    reader = make_engine("rapidocr", engine=OCR_BY_OPENVINO)
    assert "the package openvino cannot be imported" in str(reader.unavailable_reason())


@pytest.mark.parametrize("asked", ["onnxruntime", "openvino", "cuda"])
def test_an_engine_that_is_asked_for_runs_every_network(asked: EngineChoice) -> None:
    engines = choose(asked).engines
    assert {engines.image_tower, engines.head, engines.ocr} == {asked}


def test_an_image_tower_in_int8_stays_with_onnxruntime_and_that_is_said() -> None:
    choice = choose("openvino", int8_tower=True)
    assert choice.engines == Engines("onnxruntime", "openvino", "openvino")
    assert "image tower" in choice.warnings[0]
    assert choose("auto", int8_tower=True, processor=INTEL) == choose("auto", processor=INTEL)


def test_engines_that_were_chosen_before_are_taken_as_they_are() -> None:
    assert choose(OCR_BY_OPENVINO, int8_tower=True, processor=AMD).engines == OCR_BY_OPENVINO


@pytest.mark.parametrize(
    ("engine", "provider", "asked"),
    [
        ("auto", None, "auto"),
        ("auto", "cpu", "auto"),
        ("auto", "cuda", "cuda"),
        ("cuda", "cuda", "cuda"),
        ("openvino", "cpu", "openvino"),
        ("onnxruntime", "cpu", "onnxruntime"),
        ("openvino", None, "openvino"),
    ],
)
def test_a_provider_is_the_older_name_of_an_engine(
    engine: EngineChoice, provider: Provider | None, asked: EngineChoice
) -> None:
    assert asked_engine(engine, provider) == asked


@pytest.mark.parametrize(("engine", "provider"), [("cuda", "cpu"), ("openvino", "cuda"), ("onnxruntime", "cuda")])
def test_an_engine_and_a_provider_that_contradict_each_other_are_refused(
    tiny: TinyBundle, engine: EngineChoice, provider: Provider
) -> None:
    with pytest.raises(EngineConflictError, match=f"provider {provider} and the engine {engine} contradict"):
        load(tiny.bundle.path, ocr="none", engine=engine, provider=provider)


@pytest.mark.parametrize(
    ("vendor", "flags", "is_faster", "has_bf16", "has_tiles", "has_int8"),
    [
        ("GenuineIntel", "fpu avx2 avx512f avx512_vnni amx_bf16 amx_tile", True, True, True, True),
        ("GenuineIntel", "fpu avx2 avx512f amx_bf16", True, False, False, False),
        ("GenuineIntel", "fpu avx2 avx512f avx512_vnni", True, False, False, True),
        ("GenuineIntel", "fpu avx2 avx_vnni", False, False, False, False),
        ("AuthenticAMD", "fpu avx2 avx512f", False, False, False, False),
        ("AuthenticAMD", "fpu avx2 avx512f avx512_vnni avx512_bf16", False, True, False, True),
    ],
)
def test_the_first_core_says_whether_openvino_reads_faster_and_in_which_precision(
    tmp_path: Path, vendor: str, flags: str, is_faster: bool, has_bf16: bool, has_tiles: bool, has_int8: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    found = read_processor(cpuinfo)
    assert found == Processor(vendor, frozenset(flags.split()))
    assert (found.is_openvino_faster, found.multiplies_bf16) == (is_faster, has_bf16)
    assert (found.has_bf16_tiles, found.multiplies_int8) == (has_tiles, has_int8)


def test_of_a_processor_that_is_not_told_nothing_is_known(tmp_path: Path) -> None:
    assert read_processor(tmp_path / "not there") == Processor()
    assert not Processor().is_openvino_faster


def test_engines_are_told_in_words() -> None:
    assert str(OCR_BY_OPENVINO) == "image tower onnxruntime, head onnxruntime, OCR openvino"
    assert str(OCR_IN_BF16) == "image tower onnxruntime, head onnxruntime, OCR openvino_bf16"
    assert str(Engines("cuda", "cuda", None)) == "image tower cuda, head cuda"
