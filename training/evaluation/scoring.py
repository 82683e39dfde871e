"""Labelled samples to scores, on the bundle that ships and with the very functions of serving.

The picture goes through ``model.meme``, the arrays come from the bundle's preprocessor, the logits from
``model.runtime`` and the probabilities from ``model.calibration``: a meme's score here is the score that the service
gives it. There is one difference of duty: words are taken from the sample as they are (blank: no words), since reading
them from the picture is decided before (``training.data.ocr_cache``).

The image tower is most of the work, so a sample may be looked at in several ways (``View``: text hidden, picture
hidden, other words) for the price of one.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.bundle import Bundle
from model.calibration import probabilities_by_modality
from model.engine import EngineChoice, EngineName
from model.errors import MemeError
from model.meme import Meme, encodable, has_words
from model.modality import Modality, modality_of
from model.parts.pooling import Logits, pool
from model.parts.split import parts_of
from model.runtime import ImageFeatures, Question, Runtime
from model.taxonomy import Task
from model.verdict import Failure
from training.data.feature_cache import FrozenTower
from training.datasets import LAYOUTS, Sample

#: Pictures whose features are fetched together when there is a cache: opening the tower costs more than a picture.
_CACHE_CHUNK = 256
#: In these sets the tags of a sample say how it was made, which nobody tells the network when it serves.
_ANNOTATION_TAGS = frozenset(name for name, layout in LAYOUTS.items() if layout.target_tag is not None)


@dataclass(frozen=True)
class View:
    """How the network is shown the samples. ``texts``, one a sample, replace the samples' own words."""

    image: bool = True
    text: bool = True
    texts: Sequence[str] | None = None

    def words(self, samples: Sequence[Sample], row: int) -> str:
        """Those that are shown of a sample; the service replaces what no tokenizer can encode."""
        given = samples[row].text if self.texts is None else self.texts[row]
        return encodable(given or "") if self.text else ""

    def modality(self, samples: Sequence[Sample], row: int) -> Modality:
        """What is shown of a sample."""
        pictured = self.image and samples[row].image is not None
        return modality_of(pictured=pictured, worded=has_words(self.words(samples, row)))


FULL = View()


@dataclass(frozen=True)
class Scored:
    """What a bundle says of samples, by task.

    - ``samples`` are those that could be judged, in the order given; row i of every array is ``samples[i]``.
    - ``logits`` float32 [N, n_logits]; ``probabilities`` calibrated, float64: [N] for a binary task (the positive
      class), else [N, C].
    - ``modalities`` [N] are what was shown of each, whose calibration it has.
    - ``failures`` are the samples left out, by id, with the reason that the service would give.
    - ``ms_per_meme``: mean time of decoding, preparation and network; without the image tower's when it was cached.
    """

    samples: list[Sample]
    logits: dict[str, NDArray[np.float32]]
    probabilities: dict[str, NDArray[np.float64]]
    modalities: list[Modality]
    failures: list[Failure]
    ms_per_meme: float


def score_bundle(
    bundle: Bundle,
    samples: Sequence[Sample],
    *,
    batch_size: int = 32,
    engine: EngineChoice = "auto",
    threads: int | None = None,
    cache: Path | None = None,
    progress: bool = False,
) -> Scored:
    """Score ``samples`` as the service would. See ``score_views`` for the options."""
    options = {"batch_size": batch_size, "threads": threads, "cache": cache, "progress": progress}
    return score_views(bundle, samples, {"full": FULL}, engine=engine, **options)["full"]  # type: ignore[arg-type]


def score_views(
    bundle: Bundle,
    samples: Sequence[Sample],
    views: Mapping[str, View],
    *,
    batch_size: int = 32,
    engine: EngineChoice = "auto",
    threads: int | None = None,
    cache: Path | None = None,
    progress: bool = False,
) -> dict[str, Scored]:
    """Score ``samples`` in each of ``views``; every view has the same samples and failures.

    A picture that cannot be read is a failure, never an error. ``cache`` keeps image features on disk, shared with
    training, in half precision (which moves probabilities of the bundle that ships by less than 1e-4). ``threads``
    bounds the cores. Raises ``EngineUnavailableError`` when ``engine`` cannot be had.
    """
    run = _Run(bundle, Runtime(bundle, engine=engine, threads=threads), views, batch_size)
    tower_engine = run.runtime.engines.image_tower
    encoder = (
        _Cached(bundle, cache / "features", tower_engine, threads) if cache else _Live(bundle, run.runtime, batch_size)
    )
    kinds = [[i for i, s in enumerate(samples) if (s.image is not None) == pictured] for pictured in (True, False)]
    with tqdm(total=len(samples), desc="scoring", unit="meme", disable=None if progress else True) as bar:
        for indices, pictured in zip(kinds, (True, False), strict=True):
            for at in range(0, len(indices), encoder.chunk):
                picked = indices[at : at + encoder.chunk]
                run.add(picked, samples, encoder if pictured else None)
                bar.update(len(picked))
    return run.results(samples)


class _Live:
    """The bundle's own image tower, run on the spot."""

    def __init__(self, bundle: Bundle, runtime: Runtime, chunk: int) -> None:
        self._preprocessor, self._runtime, self.chunk = bundle.preprocessor, runtime, chunk

    def __call__(self, memes: Sequence[Meme], paths: Sequence[Path]) -> ImageFeatures:
        return self._runtime.encode_images(np.stack([self._preprocessor.pixels(meme.picture) for meme in memes]))


class _Cached:
    """The same tower behind the cache that training fills."""

    chunk = _CACHE_CHUNK

    def __init__(self, bundle: Bundle, folder: Path, engine: EngineName, threads: int | None) -> None:
        spec, file = bundle.manifest.image_tower, bundle.file(bundle.manifest.image_tower.file)
        self._tower = FrozenTower(file, spec, bundle.preprocessor, folder, threads=threads, engine=engine)

    def __call__(self, memes: Sequence[Meme], paths: Sequence[Path]) -> ImageFeatures:
        return self._tower.features(paths)


class _Run:
    """Collects logits by view and task while chunks of samples go through."""

    def __init__(self, bundle: Bundle, runtime: Runtime, views: Mapping[str, View], batch_size: int) -> None:
        self.runtime = runtime
        self._bundle, self._views, self._batch_size = bundle, views, batch_size
        self._rows: list[int] = []
        self._failures: dict[int, Failure] = {}
        self._logits: dict[str, list[Logits]] = {name: [] for name in views}
        self._seconds = dict.fromkeys(views, 0.0)

    def add(self, indices: Sequence[int], samples: Sequence[Sample], encoder: "_Live | _Cached | None") -> None:
        """Score one chunk. ``encoder`` None: these samples have no picture."""
        started = time.perf_counter()
        features, kept = None, list(indices)
        if encoder is not None:
            memes = self._opened(indices, samples)
            kept = [index for index in indices if index in memes]
            if kept:
                paths = [path for index in kept if (path := samples[index].image) is not None]
                features = self._features(encoder, [memes[index] for index in kept], paths)
        shared_s = time.perf_counter() - started
        self._rows += kept
        for name, view in self._views.items():
            started = time.perf_counter()
            self._logits[name] += self._heads(kept, samples, view, features)
            self._seconds[name] += shared_s + time.perf_counter() - started

    def _features(
        self, encoder: "_Live | _Cached", memes: Sequence[Meme], paths: Sequence[Path]
    ) -> list[ImageFeatures]:
        """Of each meme those of all its views; the encoder knows the first."""
        first = encoder(memes, paths)
        found = []
        for row, meme in enumerate(memes):
            own = ImageFeatures(
                first.embeds[row : row + 1], first.patches[row : row + 1].astype(np.float32, copy=False)
            )
            others = [self._bundle.preprocessor.pixels(view.image) for view in meme.shown[1:]]
            if others:
                more = self.runtime.encode_images(np.stack(others))
                own = _stacked([own, more])
            found.append(own)
        return found

    def results(self, samples: Sequence[Sample]) -> dict[str, Scored]:
        """Everything that was added, in the order of ``samples``."""
        order = np.argsort(np.array(self._rows, dtype=np.int64))
        rows = [self._rows[index] for index in order]
        failures = [self._failures[index] for index in sorted(self._failures)]
        tasks, calibration = self._bundle.tasks, self._bundle.manifest.calibration
        scored = {}
        for name, parts in self._logits.items():
            logits = {task.name: _joined(task, parts)[order] for task in tasks}
            shown = [self._views[name].modality(samples, row) for row in rows]
            scored[name] = Scored(
                samples=[samples[row] for row in rows],
                logits=logits,
                probabilities={
                    task.name: probabilities_by_modality(task, logits[task.name], calibration[task.name], shown)
                    for task in tasks
                },
                modalities=shown,
                failures=failures,
                ms_per_meme=1000 * self._seconds[name] / max(1, len(rows)),
            )
        return scored

    def _opened(self, indices: Sequence[int], samples: Sequence[Sample]) -> dict[int, Meme]:
        """The pictures that can be read, by index; the others become failures."""
        memes = {}
        for index in indices:
            sample = samples[index]
            try:
                memes[index] = Meme.from_file(
                    sample.image or Path(), text=sample.text, tags=network_tags(sample), id=sample.id
                )
            except MemeError as error:
                self._failures[index] = Failure(sample.id, error.code, error.message)
        return memes

    def _heads(
        self, rows: Sequence[int], samples: Sequence[Sample], view: View, features: Sequence[ImageFeatures] | None
    ) -> Iterator[Logits]:
        """Logits of a sample each, in parts as the service judges them."""
        if not rows:
            return
        shown = features if view.image else None
        pictures = self.runtime.no_features(1) if shown is None else _stacked(shown)
        n_views = [0] * len(rows) if shown is None else [len(one.embeds) for one in shown]
        asked: list[Question] = []
        ends = []
        for index, n, first_view in zip(rows, n_views, accumulate([0, *n_views[:-1]]), strict=True):
            text = view.words(samples, index)
            tags = network_tags(samples[index]) if view.text else ()
            parts = parts_of(text, n, (), self._bundle.preprocessor.windows).parts
            asked += [Question(text[part.start : part.end], tags, first_view + part.view) for part in parts]
            ends.append(len(asked))
        mask = np.full(len(pictures.embeds), int(shown is not None), dtype=np.int64)
        logits = self.runtime.ask(pictures, mask, asked, self._batch_size)
        for start, end in pairwise([0, *ends]):
            yield pool(self._bundle.tasks, {name: values[start:end] for name, values in logits.items()}).logits


def _stacked(features: Sequence[ImageFeatures]) -> ImageFeatures:
    return ImageFeatures(
        np.concatenate([one.embeds for one in features]), np.concatenate([one.patches for one in features])
    )


def network_tags(sample: Sample) -> tuple[str, ...]:
    """The tags that the network is shown: none where they are annotations (HateCheck's functionality, a group)."""
    return () if sample.dataset in _ANNOTATION_TAGS else sample.tags


def _joined(task: Task, parts: Sequence[Logits]) -> NDArray[np.float32]:
    empty = np.zeros((0, task.n_logits), dtype=np.float32)
    return np.concatenate([empty, *(part[task.name] for part in parts)])
