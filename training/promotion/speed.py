"""Time that both bundles take for a meme, measured in turn so that a busy machine slows both alike."""

import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from model.bundle import Bundle
from model.engine import EngineChoice
from model.errors import MemeError
from model.meme import Meme
from model.runtime import Runtime
from training.datasets import Sample
from training.promotion.results import Speed

_N_MEMES = 8
_N_ROUNDS = 7
#: The size of a drawn picture, where no sample has one: the time does not depend on what a picture shows.
_SIDE_PX = 512


def compare_speed(
    champion: Bundle,
    challenger: Bundle,
    samples: Sequence[Sample],
    *,
    engine: EngineChoice = "auto",
    threads: int | None = None,
    n_rounds: int = _N_ROUNDS,
) -> Speed:
    """Preparation and network, a meme at a time, on a few of ``samples``; OCR is the same for both and left out.

    The ratio is the median over rounds, with the lowest and highest round beside it.
    """
    memes = _memes(samples)
    runtimes = [(bundle, Runtime(bundle, engine=engine, threads=threads)) for bundle in (champion, challenger)]
    for bundle, runtime in runtimes:
        _seconds(bundle, runtime, memes[:1])
    rounds = np.empty((n_rounds, 2))
    for number in range(n_rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            rounds[number, side] = _seconds(*runtimes[side], memes)
    ratios = rounds[:, 1] / rounds[:, 0]
    champion_ms, challenger_ms = (float(value) for value in np.median(rounds, axis=0) * 1000 / len(memes))
    return Speed(
        champion_ms, challenger_ms, float(np.median(ratios)), float(ratios.min()), float(ratios.max()), n_rounds
    )


def _seconds(bundle: Bundle, runtime: Runtime, memes: Sequence[Meme]) -> float:
    started = time.perf_counter()
    for meme in memes:
        runtime.logits(bundle.preprocessor([meme], [meme.text]))
    return time.perf_counter() - started


def _memes(samples: Sequence[Sample]) -> list[Meme]:
    """A few memes spread over ``samples``, decoded; a drawn picture stands in for one that is not there."""
    picked = [samples[index] for index in np.linspace(0, len(samples) - 1, min(_N_MEMES, len(samples)), dtype=int)]
    drawn = Image.new("RGB", (_SIDE_PX, _SIDE_PX), (120, 130, 140))
    return [_meme(sample) or Meme(image=drawn, digest="", text=sample.text) for sample in picked]


def _meme(sample: Sample) -> Meme | None:
    try:
        return None if sample.image is None else Meme.from_file(sample.image, text=sample.text)
    except MemeError:
        return None
