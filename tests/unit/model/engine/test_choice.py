import sys
from pathlib import Path

import pytest
from support.tiny import TinyBundle

from model import EngineUnavailableError, load
from model.engine import REFERENCE, EngineChoice, Engines, Provider, asked_engine, choose
from model.engine.processor import features
from model.errors import EngineConflictError
from model.ocr import make_engine

WITH_AVX512 = Engines("onnxruntime", "onnxruntime", "openvino")


@pytest.fixture
def no_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)


def test_auto_takes_for_each_network_what_is_the_fastest_on_the_processor() -> None:
    assert choose("auto", avx512=True).engines == WITH_AVX512
    assert choose("auto", avx512=False).engines == REFERENCE
    assert choose("auto").engines in (WITH_AVX512, REFERENCE)
    assert not choose("auto").warnings


@pytest.mark.usefixtures("no_openvino")
def test_auto_names_a_faster_engine_that_is_missing_and_takes_the_reference() -> None:
    choice = choose("auto", avx512=True)
    assert choice.engines == REFERENCE
    assert "the package openvino cannot be imported" in choice.warnings[0]
    assert choose("auto", avx512=False).warnings == ()


@pytest.mark.usefixtures("no_openvino")
def test_openvino_that_was_asked_for_and_is_missing_is_an_error_and_never_replaced(tiny: TinyBundle) -> None:
    with pytest.raises(EngineUnavailableError, match=r"asked for the engine openvino.*pip install openvino"):
        load(tiny.bundle.path, ocr="none", engine="openvino")
    with pytest.raises(EngineUnavailableError, match="asked for the engine openvino"):
        make_engine("rapidocr", engine="openvino")
    reader = make_engine("rapidocr", engine=WITH_AVX512)
    assert "the package openvino cannot be imported" in str(reader.unavailable_reason())


@pytest.mark.parametrize("asked", ["onnxruntime", "openvino", "cuda"])
def test_an_engine_that_is_asked_for_runs_every_network(asked: EngineChoice) -> None:
    engines = choose(asked).engines
    assert {engines.image_tower, engines.head, engines.ocr} == {asked}


def test_an_image_tower_whose_scales_follow_the_picture_stays_with_onnxruntime_and_that_is_said() -> None:
    choice = choose("openvino", tower_varies=True)
    assert choice.engines == Engines("onnxruntime", "openvino", "openvino")
    assert "image tower" in choice.warnings[0]
    assert choose("auto", tower_varies=True, avx512=True) == choose("auto", avx512=True)


def test_engines_that_were_chosen_before_are_taken_as_they_are() -> None:
    assert choose(WITH_AVX512, tower_varies=True, avx512=False).engines == WITH_AVX512


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


def test_what_the_processor_can_is_read_from_its_flags(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert features(cpuinfo) == {"fpu", "avx2", "avx512f"}
    assert features(tmp_path / "not there") == frozenset()


def test_engines_are_told_in_words() -> None:
    assert str(WITH_AVX512) == "image tower onnxruntime, head onnxruntime, OCR openvino"
    assert str(Engines("cuda", "cuda", None)) == "image tower cuda, head cuda"
