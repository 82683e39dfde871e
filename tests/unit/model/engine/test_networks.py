"""The same graph in two engines: the same numbers, from one thread and from many, and nothing told to anybody."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import ROOT
from support.preparation import picture
from support.tiny import TinyBundle

from model import Meme, Verdict, load
from model.bundle import COMPACT_BUNDLE
from model.engine import EngineChoice, EngineName, Engines, Network, open_network
from model.engine.openvino_network import OpenvinoNetwork
from model.engine.processor import Processor, this_processor
from model.errors import EngineUnavailableError
from model.ocr import make_engine
from model.ocr.rapid.inputs import LINE_HEIGHT_PX, usual_widths
from model.ocr.rapid.models import RECOGNISER_FILE, model_file
from model.runtime import Runtime
from training.data.meme_renderer import MemeStyle, render_meme

STYLES: tuple[MemeStyle, ...] = ("classic", "caption_bar", "screenshot")
LINES = (
    "when the code works",
    "on the first try",
    "nobody asked for it",
    "one more coffee please",
    "see you on monday",
)

_QUIET = """
import socket, sys
def refuse(*_, **__): raise AssertionError("a socket was opened")
socket.socket.connect = refuse; socket.getaddrinfo = refuse
from pathlib import Path
from model.engine import open_network
open_network(Path(sys.argv[1]), "openvino", 1)
print(sorted(name for name in sys.modules if "telemetry" in name))
"""


def tower(tiny: TinyBundle) -> Path:
    return tiny.bundle.file(tiny.bundle.manifest.image_tower.file)


def pixels(seed: int, n_pictures: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n_pictures, 3, 32, 32)).astype(np.float32)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_network_says_what_it_takes_and_gives(tiny: TinyBundle, engine: EngineName) -> None:
    network, spec = open_network(tower(tiny), engine, 1), tiny.bundle.manifest.image_tower
    assert network.input_names == (spec.input_name,)
    assert set(network.output_names) == {spec.embeds_output, spec.patches_output}
    patches, embeds = network.run([spec.patches_output, spec.embeds_output], {spec.input_name: pixels(0, 3)})
    assert (embeds.shape, patches.shape[0]) == ((3, spec.embed_width), 3)
    assert network.providers == [{"onnxruntime": "CPUExecutionProvider", "openvino": "OpenVINO"}[engine]]


def test_openvino_gives_the_same_numbers_from_many_threads(tiny: TinyBundle) -> None:
    network, spec = open_network(tower(tiny), "openvino", 1), tiny.bundle.manifest.image_tower
    given = [pixels(seed, 1 + seed % 3) for seed in range(24)]

    def embeds(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        (found,) = network.run([spec.embeds_output], {spec.input_name: pictures})
        return found

    serial = [embeds(one) for one in given]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(embeds, given))
    reference = open_network(tower(tiny), "onnxruntime", 1)
    for one, alone, beside in zip(given, serial, together, strict=True):
        assert np.array_equal(alone, beside)
        (expected,) = reference.run([spec.embeds_output], {spec.input_name: one})
        assert np.abs(alone - expected).max() < 1e-4


def test_one_thread_of_openvino_is_that_of_the_caller(tiny: TinyBundle) -> None:
    """A read's budget counts the time of its own thread."""
    network, spec = open_network(tower(tiny), "openvino", 1), tiny.bundle.manifest.image_tower
    given = {spec.input_name: pixels(0, 512)}
    network.run([spec.embeds_output], given)
    of_thread, of_process = time.thread_time(), time.process_time()
    for _ in range(10):
        network.run([spec.embeds_output], given)
    assert time.thread_time() - of_thread > 0.5 * (time.process_time() - of_process)


def test_openvino_is_set_to_compute_in_float32_with_the_threads_given(tiny: TinyBundle) -> None:
    network = open_network(tower(tiny), "openvino", 1)
    assert isinstance(network, OpenvinoNetwork)
    compiled = network.compiled_model
    assert "float32" in str(compiled.get_property("INFERENCE_PRECISION_HINT"))
    assert (compiled.get_property("NUM_STREAMS"), compiled.get_property("INFERENCE_NUM_THREADS")) == (1, 1)
    assert compiled.get_property("ENABLE_CPU_PINNING") is False


@pytest.mark.parametrize(
    ("engine", "instructions"), [("openvino_bf16", "AMX or AVX-512 BF16"), ("openvino_int8", "AVX-512 VNNI")]
)
def test_a_precision_is_not_replaced_where_the_processor_has_no_instructions_for_it(
    tiny: TinyBundle, monkeypatch: pytest.MonkeyPatch, engine: EngineName, instructions: str
) -> None:
    monkeypatch.setattr("model.engine.openvino_network.this_processor", Processor)
    with pytest.raises(
        EngineUnavailableError, match=rf"no instructions \({instructions}\); ask for the engine openvino"
    ):
        open_network(tower(tiny), engine, 1)
    reader = make_engine("rapidocr", engine=Engines("onnxruntime", "onnxruntime", engine))
    assert f"no instructions ({instructions})" in str(reader.unavailable_reason())


@pytest.mark.skipif(not this_processor().multiplies_bf16, reason="this processor has no instructions for bfloat16")
def test_openvino_computes_in_bfloat16_where_that_was_taken(tiny: TinyBundle) -> None:
    network = open_network(tower(tiny), "openvino_bf16", 1)
    assert isinstance(network, OpenvinoNetwork)
    assert "bfloat16" in str(network.compiled_model.get_property("INFERENCE_PRECISION_HINT"))


def test_the_first_call_for_a_shape_that_openvino_was_prepared_for_costs_no_more_than_the_next() -> None:
    shapes = [(1, 3, LINE_HEIGHT_PX, width_px) for width_px in usual_widths()]
    prepared, fresh = (open_network(model_file(RECOGNISER_FILE), "openvino", 1) for _ in range(2))
    for shape in shapes:
        prepared.prepare({prepared.input_names[0]: shape})
    first_s, unprepared_s, second_s = (_seconds(network, shapes) for network in (prepared, fresh, fresh))
    assert first_s - second_s < 0.5 * (unprepared_s - second_s)


def _seconds(network: Network, shapes: Sequence[tuple[int, ...]]) -> float:
    """Of this thread, which computes all there is."""
    started = time.thread_time()
    for shape in shapes:
        network.run(network.output_names, {network.input_names[0]: np.zeros(shape, np.float32)})
    return time.thread_time() - started


def test_openvino_reports_to_nobody_and_writes_nothing(tiny: TinyBundle, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _QUIET, tower(tiny)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert told.stdout.splitlines()[-1] == "[]"
    assert list(tmp_path.iterdir()) == []


def test_scores_and_decisions_of_both_engines_agree(tiny: TinyBundle) -> None:
    """On a tower that keeps its scales, every network is in the engine that was asked for."""
    memes = [Meme(picture(seed), f"{seed}", text=LINES[seed % 5] if seed % 3 else "") for seed in range(100)]
    found = {}
    for engine in ("onnxruntime", "openvino"):
        scorer = load(tiny.bundle.path, ocr="none", engine=engine, threads=1)
        assert scorer.model.engines == Engines(engine, engine, None)
        found[engine] = [one for one in scorer.score(memes) if isinstance(one, Verdict)]
    scores = [np.array([one.scores["hateful"] for one in found[engine]]) for engine in ("onnxruntime", "openvino")]
    decisions = [[one.decision for one in found[engine]] for engine in ("onnxruntime", "openvino")]
    assert (len(scores[0]), scores[0].std() > 0.001) == (100, True)
    assert np.abs(scores[0] - scores[1]).max() < 1e-2
    assert sum(one != other for one, other in zip(*decisions, strict=True)) <= 1


@pytest.mark.slow
def test_scores_of_the_bundle_that_ships_agree() -> None:
    memes = [
        Meme(one, str(seed), text=" ".join(LINES[seed % 3 : seed % 3 + 2]))
        for seed, one in enumerate(_drawn(_boxes(seed) for seed in range(8)))
    ]
    found = [
        load(COMPACT_BUNDLE, ocr="none", engine=engine, threads=1).score(memes)
        for engine in ("onnxruntime", "openvino")
    ]
    for one, other in zip(*found, strict=True):
        assert isinstance(one, Verdict)
        assert isinstance(other, Verdict)
        assert one.decision == other.decision
        for task, score in one.scores.items():
            assert score == pytest.approx(other.scores[task], abs=1e-2)


def _drawn(boxes: Iterable[list[str]]) -> list[Image.Image]:
    return [
        render_meme(None, lines, style=STYLES[seed % 3], rng=np.random.default_rng(seed)).image
        for seed, lines in enumerate(boxes)
    ]


def _boxes(seed: int) -> list[str]:
    return [LINES[seed % 5], LINES[(seed + 2) % 5]]


def _written(seed: int) -> list[str]:
    """Two lines of words in no order."""
    rng = np.random.default_rng(seed)
    words = sorted({word for line in LINES for word in line.split()})
    return [" ".join(rng.choice(words, rng.integers(3, 6), replace=False)) for _ in range(2)]


def _word_f1(read: Sequence[str]) -> float:
    shared = n_read = n_drawn = 0
    for seed, text in enumerate(read):
        drawn, found = (Counter(words.casefold().split()) for words in (" ".join(_written(seed)), text))
        shared += (drawn & found).total()
        n_read, n_drawn = n_read + found.total(), n_drawn + drawn.total()
    return 2 * shared / (n_read + n_drawn)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "auto"])
def test_the_reference_and_another_engine_read_the_same_words(engine: EngineChoice) -> None:
    """`auto` is bfloat16 or int8 on processors that have instructions for it."""
    pictures = [np.asarray(one) for one in _drawn(_written(seed) for seed in range(40))]
    read = [
        [make_engine("rapidocr", threads=1, engine=asked).read(one).text for one in pictures]
        for asked in ("onnxruntime", engine)
    ]
    assert _word_f1(read[0]) > 0.98
    assert abs(_word_f1(read[0]) - _word_f1(read[1])) <= 0.005


def test_a_runtime_says_what_computes_its_graphs(tiny: TinyBundle) -> None:
    runtime = Runtime(tiny.bundle, engine="openvino", threads=1)
    assert (runtime.engines.image_tower, runtime.providers) == ("openvino", ["OpenVINO"])
