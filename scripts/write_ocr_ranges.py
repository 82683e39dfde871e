"""Write ``model/ocr/rapid/ranges.json``, by which PP-OCR's networks are computed in 8-bit integers.

    python scripts/write_ocr_ranges.py --data DATA

Of each product of a network several ranges are tried, with all others in float32: all that it was given on memes, and
that without the outermost .01 or .05 percent of each input's numbers. The one is kept by which the network's answer
moves least, as the share of its probability that lies elsewhere; where that is more than ``--most-moved``, the product
stays in float32. The memes are real ones of MultiOFF's train split and drawn ones, as many of each. Takes a quarter
of an hour.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13
from PIL import Image
from tqdm import tqdm

from model.atomic import file_digest, write_atomically
from model.engine.int8 import Ranges, products, quantise
from model.ocr.rapid.inputs import detector_picture, line_input, network_input
from model.ocr.rapid.models import DETECTOR_FILE, RECOGNISER_FILE, Models, model_file
from model.ocr.rapid.ranges import RANGES
from training.data.meme_renderer import STYLES, render_meme
from training.datasets import read_imgflip, read_multioff
from training.datasets.readers.imgflip import template_path

Picture = NDArray[np.uint8]
Pixels = NDArray[np.float32]
#: As the reader shows lines to the recogniser: as they are, and squeezed.
_SQUEEZES = (1.0, 0.85)
#: Percent of the numbers of one input that a range leaves out at either end.
LEFT_OUT = (0.0, 0.01, 0.05)
#: Memes of each kind that numbers are seen on; inputs of each network that answers are compared on.
_N_MEMES, _N_COMPARED = 60, {DETECTOR_FILE: 24, RECOGNISER_FILE: 80}


@dataclass
class NetworkInputs:
    """Pixels [1, 3, H, W] that each network is given."""

    detector: list[NDArray[np.float32]] = field(default_factory=list)
    recogniser: list[NDArray[np.float32]] = field(default_factory=list)


def memes(data: Path, n_each: int, seed: int) -> Iterator[Picture]:
    """``n_each`` memes of MultiOFF's train split, and as many drawn ones: RGB, uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    real = [sample.image for sample in read_multioff(data / "multioff", "train").samples if sample.image is not None]
    for index in rng.choice(len(real), min(n_each, len(real)), replace=False):
        with Image.open(real[index]) as image:
            yield np.asarray(image.convert("RGB"))
    captions = [caption for caption in read_imgflip(data / "imgflip") if caption.split == "train"]
    for index in range(n_each):
        caption = captions[rng.integers(len(captions))]
        with Image.open(template_path(data / "imgflip", caption.template)) as template:
            drawn = render_meme(template, caption.boxes, style=STYLES[index % len(STYLES)], rng=rng)
        yield np.asarray(drawn.image)


def inputs_of(pictures: Iterable[Picture]) -> NetworkInputs:
    """What the networks are given for pictures, lines found by the reference engine."""
    models, found = Models(None), NetworkInputs()
    for picture in pictures:
        sheet = models.whole_sheet(picture)
        shown = detector_picture(sheet.picture)
        found.detector.append(network_input(shown))
        for index, region in enumerate(models.regions(models.look(shown), sheet.picture.shape[:2])):
            line, _ = line_input(np.ascontiguousarray(models.crop(sheet, region)), _SQUEEZES[index % 2])
            found.recogniser.append(line)
    return found


class Calibration:
    """Ranges for one network, an ONNX ``file``, on ``seen`` inputs; ``compared`` ones are judged by."""

    def __init__(self, file: Path, seen: Sequence[Pixels], compared: Sequence[Pixels]) -> None:
        self._file = file
        self._compared = compared
        self._expected = _answers(_read(file), compared)
        self._candidates = _candidates(file, seen)

    def ranges(self, most_moved: float) -> dict[str, tuple[float, float]]:
        """The best range of each product that moves no more than ``most_moved`` of the probability."""
        chosen = {}
        for name, candidates in tqdm(self._candidates.items(), desc=self._file.name):
            moved = [self.moved({name: candidate}) for candidate in candidates]
            if min(moved) <= most_moved:
                chosen[name] = candidates[int(np.argmin(moved))]
        return chosen

    def moved(self, ranges: Ranges) -> float:
        """Share of the probability that lies elsewhere with these products in integers."""
        graph = _read(self._file)
        quantise(graph, ranges)
        pairs = zip(_answers(graph, self._compared), self._expected, strict=True)
        moved = sum(float(np.abs(found - expected).sum()) for found, expected in pairs)
        return moved / sum(float(expected.sum()) for expected in self._expected)


def _read(file: Path) -> Any:
    return openvino.Core().read_model(file)


def _request(graph: Any) -> Any:
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled.create_infer_request()


def _answers(graph: Any, inputs: Sequence[Pixels]) -> list[NDArray[np.float32]]:
    """The only output for each input, in float32 but for what was quantised."""
    request = _request(graph)
    return [np.array(request.infer({0: pixels})[0]) for pixels in inputs]


def _candidates(file: Path, inputs: Sequence[Pixels]) -> dict[str, list[tuple[float, float]]]:
    """Ranges to try of each product: over all inputs, of what each leaves in. 0 lies in all of them: padding is 0."""
    graph = _read(file)
    nodes = products(graph)
    watching = openvino.Model([opset13.result(node.input_value(0)) for node in nodes], graph.get_parameters(), "watch")
    request = _request(watching)
    percents = [*LEFT_OUT, *(100 - percent for percent in LEFT_OUT)]
    seen = np.zeros((len(inputs), len(nodes), len(percents)))
    for index, pixels in enumerate(tqdm(inputs, desc=f"{file.name}, numbers seen")):
        request.infer({0: pixels})
        for place in range(len(nodes)):
            seen[index, place] = np.percentile(request.get_output_tensor(place).data, percents)
    low = np.minimum(seen[..., : len(LEFT_OUT)].min(axis=0), 0)
    high = np.maximum(seen[..., len(LEFT_OUT) :].max(axis=0), np.finfo(np.float32).eps)
    return {
        node.get_friendly_name(): list(dict.fromkeys(zip(low[place].tolist(), high[place].tolist(), strict=True)))
        for place, node in enumerate(nodes)
    }


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds imgflip/ and multioff/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-moved", type=float, default=0.015, help="share of a network's probability")
    parser.add_argument("--out", type=Path, default=RANGES)
    arguments = parser.parse_args()
    found = inputs_of(memes(arguments.data, _N_MEMES, arguments.seed))
    written = {}
    for name, inputs in ((DETECTOR_FILE, found.detector), (RECOGNISER_FILE, found.recogniser)):
        file, step = model_file(name), max(1, len(inputs) // _N_COMPARED[name])
        calibration = Calibration(file, inputs, inputs[::step])
        ranges = calibration.ranges(arguments.most_moved)
        print(f"{name}: {len(ranges)} products in int8 move {calibration.moved(ranges):.4f} of the probability")
        rounded = {product: [float(f"{bound:.6g}") for bound in ranges[product]] for product in ranges}
        written[name] = {"sha256": file_digest(file), "products": rounded}
    write_atomically(arguments.out, (json.dumps(written, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
