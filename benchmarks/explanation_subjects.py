"""Memes and sentences whose scores ``benchmarks.explanations`` has explained, and what is measured on each of them."""

import io
import math
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from benchmarks.explanation_attention import AttentionReader, region_shares, word_shares
from benchmarks.explanation_methods import (
    FROM_FEATURES,
    LEFT_OUT,
    LIME,
    LIME_SUPER_PIXELS,
    RANDOM,
    ROLLOUT,
    SHAPLEY,
    Curve,
    Method,
    Stopwatch,
    curve,
    methods,
    rank_correlation,
)
from benchmarks.super_pixels import covered, shared_out, super_pixels
from model.budget import Budget
from model.bundle import Bundle
from model.explanation.coalitions import Floats
from model.explanation.game import Game, Players
from model.explanation.interactions import shapley_interactions
from model.explanation.lime import surrogate_effects
from model.explanation.regions import GRID_SIDE, grid
from model.explanation.rescoring import Rescorer, ShownPart
from model.meme import Meme
from model.modality import modality_of
from model.runtime import ImageFeatures, Runtime
from training.datasets import Source, load_source

#: Shares that are hidden on the way: head runs are cheap, encodings are not.
WORD_SHARES = tuple(tenth / 10 for tenth in range(1, 10))
REGION_SHARES = (0.25, 0.5)
#: Calls of Shapley and LIME for words.
CALLS = 96
#: For regions, where each call is a run of the tower: the fewest that Shapley values of 16 take, and as many for LIME
#: as leaving out each of 16 takes.
SHAPLEY_REGION_CALLS, LIME_REGION_CALLS = 34, 17
_FEWEST_WORDS, _MOST_WORDS = 3, 40
#: Words and regions whose interactions are held to all of their coalitions.
_PAIR_WORDS = _PAIR_REGIONS = 4
#: Calls that stand for those of all coalitions of that many.
PAIR_CALLS = 160


@dataclass(frozen=True)
class Tools:
    """What asks the network. Scores below ``min_score`` are left alone: there is nothing in them to explain."""

    bundle: Bundle
    runtime: Runtime
    attention: AttentionReader
    min_score: float = 0.5

    def rescorer(self, text: str, image: Image.Image | None) -> Rescorer:
        """Of a meme of one window and one view."""
        features = None if image is None else self.features(image)
        modality = modality_of(pictured=image is not None, worded=True)
        return Rescorer(self.bundle, self.runtime, ShownPart(text, (), modality, features, image), Budget(math.inf))

    def features(self, image: Image.Image) -> ImageFeatures:
        """What the image tower sees of a picture."""
        return self.runtime.encode_images(self.bundle.preprocessor.pixels(image)[None])


@dataclass(frozen=True)
class Subject:
    """A meme of a data set and its score of ``task``."""

    set_name: str
    id: str
    text: str
    task: str
    image: Image.Image
    rescorer: Rescorer
    score: float

    @cached_property
    def words(self) -> Players:
        """Its words alone."""
        return Players(words=spans(self.text))

    @cached_property
    def regions(self) -> Players:
        """The grid alone."""
        return Players(regions=grid())


@dataclass(frozen=True)
class Measured:
    """What was found on one meme: by method its curves, and figures by their names.

    ``region_ranks`` are rank correlations of regions' effects with those of left out ones, ``noise`` those of effects
    with the meme's own after small noise (by "kind, method, noise"), ``seconds`` CPU time by "kind, method".
    """

    set_name: str
    id: str
    n_words: int
    score: float
    words: dict[str, Curve]
    regions: dict[str, Curve]
    region_ranks: dict[str, float | None]
    seconds: dict[str, float]
    noise: dict[str, float | None] = field(default_factory=dict)
    pairs: dict[str, float | None] = field(default_factory=dict)


def spans(text: str) -> tuple[tuple[int, int], ...]:
    """Words of a text as explanations have them."""
    return tuple(match.span() for match in re.finditer(r"\S+", text))


def subjects(tools: Tools, source: Source, set_name: str, task: str, skip: set[str]) -> Iterator[Subject]:
    """Memes with some words that get a high score, in random order, without those whose ids are in ``skip``."""
    samples = load_source(source).samples
    random.Random(0).shuffle(samples)
    for sample in samples:
        if sample.id in skip or not _FEWEST_WORDS <= len(sample.text.split()) <= _MOST_WORDS or sample.image is None:
            continue
        image = Meme.from_file(sample.image, text=sample.text).picture
        rescorer = tools.rescorer(sample.text, image)
        score = rescorer([sample.text])[0][task]
        if isinstance(score, float) and score >= tools.min_score:
            yield Subject(set_name, sample.id, sample.text, task, image, rescorer, score)


def measure(tools: Tools, subject: Subject, *, thoroughly: bool) -> Measured:
    """All methods on one meme; ``thoroughly`` also with noise, and its pairs against all coalitions."""
    seconds: dict[str, float] = {}
    of_words = subject.rescorer.game(subject.words, "features")
    of_regions = subject.rescorer.game(subject.regions, "pixels")
    left_out = {LEFT_OUT: methods(CALLS)[LEFT_OUT]}
    words = _timed("words", subject.task, methods(CALLS), of_words, subject.words, seconds)
    # Encodings are shared, so that the time is that of the first method alone.
    regions = _timed("regions", subject.task, left_out, of_regions, subject.regions, seconds)
    for name, calls in ((SHAPLEY, SHAPLEY_REGION_CALLS), (LIME, LIME_REGION_CALLS)):
        regions[name] = methods(calls)[name](of_regions, subject.regions, 0)[subject.task]
    regions |= _from_features(subject, subject.rescorer, seconds)
    regions[LIME_SUPER_PIXELS] = _super_pixel_effects(tools, subject)
    words[ROLLOUT], regions[ROLLOUT] = _rollout(tools, subject)
    rng = np.random.default_rng(zlib.crc32(subject.id.encode()))
    words[RANDOM], regions[RANDOM] = rng.normal(size=subject.words.count), rng.normal(size=subject.regions.count)
    found = Measured(
        set_name=subject.set_name,
        id=subject.id,
        n_words=subject.words.count,
        score=subject.score,
        words={name: curve(of_words, subject.task, effects, WORD_SHARES) for name, effects in words.items()},
        regions={name: curve(of_regions, subject.task, effects, REGION_SHARES) for name, effects in regions.items()},
        region_ranks={
            name: rank_correlation(effects, regions[LEFT_OUT]) for name, effects in regions.items() if name != LEFT_OUT
        },
        seconds=seconds,
    )
    if not thoroughly:
        return found
    return replace(found, noise=_noise(tools, subject, words, regions), pairs=_pairs(subject, words, regions))


def _timed(
    kind: str, task: str, by_name: Mapping[str, Method], game: Game, players: Players, seconds: dict[str, float]
) -> dict[str, Floats]:
    """By method the effect of each player; what each took is written into ``seconds``."""
    found = {}
    for name, method in by_name.items():
        watch = Stopwatch()
        found[name] = method(game, players, 0)[task]
        seconds[f"{kind}, {name}"] = watch.seconds
    return found


def _from_features(subject: Subject, rescorer: Rescorer, seconds: dict[str, float]) -> dict[str, Floats]:
    game, method = rescorer.game(subject.regions, "features"), methods(CALLS)[LEFT_OUT]
    return _timed("regions", subject.task, {FROM_FEATURES: method}, game, subject.regions, seconds)


def _super_pixel_effects(tools: Tools, subject: Subject) -> Floats:
    """LIME's effects of as many super-pixels as the grid has regions, as effects of the regions."""
    of_pixels = super_pixels(subject.image, GRID_SIDE)

    def play(rows: NDArray[np.bool_]) -> dict[str, Floats]:
        scores = [
            tools.rescorer(subject.text, covered(subject.image, of_pixels, row))([subject.text])[0][subject.task]
            for row in rows
        ]
        return {subject.task: np.array(scores, dtype=np.float64)}

    # LIME asks how many players there are, and nothing else of them.
    effects = surrogate_effects(play, subject.regions, n_samples=LIME_REGION_CALLS)[subject.task]
    return shared_out(effects, of_pixels, subject.regions.regions)


def _rollout(tools: Tools, subject: Subject) -> tuple[Floats, Floats]:
    """Shares of words, and of regions."""
    preprocessor, image = tools.bundle.preprocessor, subject.image
    found = tools.attention(subject.text, tools.features(image))
    words = word_shares(found, subject.words, subject.text, preprocessor)
    return words, region_shares(found, subject.regions, image.size, preprocessor)


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=90)
    return Image.open(file).convert("RGB")


def _brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image.convert("RGB")).enhance(1.01)


NOISES: dict[str, Callable[[Image.Image], Image.Image]] = {"JPEG 90": _jpeg, "1 % brighter": _brighter}


def _noise(
    tools: Tools, subject: Subject, words: dict[str, Floats], regions: dict[str, Floats]
) -> dict[str, float | None]:
    """Of words and of regions that are left out, of regions both ways."""
    found = {}
    left_out = {LEFT_OUT: methods(CALLS)[LEFT_OUT]}
    for noise, add in NOISES.items():
        rescorer = tools.rescorer(subject.text, add(subject.image))
        of_words, of_regions = rescorer.game(subject.words, "features"), rescorer.game(subject.regions, "pixels")
        noisy_words = _timed("words", subject.task, left_out, of_words, subject.words, {})
        noisy_regions = _timed("regions", subject.task, left_out, of_regions, subject.regions, {})
        noisy_regions |= _from_features(subject, rescorer, {})
        for kind, noisy, plain in (("words", noisy_words, words), ("regions", noisy_regions, regions)):
            for name, effects in noisy.items():
                found[f"{kind}, {name}, {noise}"] = rank_correlation(effects, plain[name])
    return found


def _pairs(subject: Subject, words: dict[str, Floats], regions: dict[str, Floats]) -> dict[str, float | None]:
    """How near interactions of the strongest words and regions from few calls come to those from all coalitions."""
    top_words = sorted(np.argsort(-np.abs(words[LEFT_OUT]))[:_PAIR_WORDS])
    top_regions = sorted(np.argsort(-np.abs(regions[LEFT_OUT]))[:_PAIR_REGIONS])
    spans_, grid_ = subject.words.words, subject.regions.regions
    players = Players(tuple(spans_[at] for at in top_words), tuple(grid_[at] for at in top_regions))
    game = subject.rescorer.game(players, "pixels")
    n_words = len(players.words)
    found = [
        shapley_interactions(game, players, most_calls=calls)[subject.task]
        for calls in (1 << players.count, PAIR_CALLS)
    ]
    exact, few = (one.together[:n_words, n_words:].ravel() for one in found)
    return {
        "rank correlation": rank_correlation(exact, few),
        "largest error": float(np.abs(exact - few).max()),
        "largest interaction": float(np.abs(exact).max()),
        "only together": float(np.mean(found[0].only_together[:n_words, n_words:])),
    }
