"""Rescoring of one part of a meme with some of it hidden: other words, no picture, or a picture without some regions.

All with the calibration of what the part was judged as, so that scores differ by what was hidden alone. The number of
runs of the network is what an explanation costs: equal questions are asked once, and none is begun when time is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from PIL import Image

from model.budget import Budget
from model.bundle import Bundle
from model.calibration import calibrated_logits, probabilities_of, score_of
from model.explanation.game import Game, Players, Region, text_with
from model.explanation.regions import Hide, covered, hide_in_features, hide_in_pixels, tokens_of
from model.modality import Modality
from model.parts.pooling import Logits
from model.runtime import ImageFeatures, Question, Runtime, joined
from model.verdict import Score

#: Questions that go through the head at once.
_BATCH = 16
#: Encodings of covered pictures that are kept, of about 600 kB each.
_ENCODED_KEPT = 64
#: How regions are hidden: tokens left out of the features that are there, or pixels covered and encoded anew.
HiddenIn = Literal["features", "pixels"]


class TimeIsOverError(Exception):
    """The budget of an explanation is spent; what was asked until then stands."""


@dataclass(frozen=True)
class ShownPart:
    """What the network was shown of one part of a meme: words, and the ``view`` of its picture, an ``image``.

    ``features`` are of that view, one row. Both are None for words alone.
    """

    text: str
    tags: Sequence[str]
    modality: Modality
    features: ImageFeatures | None = None
    image: Image.Image | None = field(default=None, repr=False)
    view: int = 0


class Rescorer:
    """Asks one bundle's network about one part again. Used by one thread at a time."""

    def __init__(self, bundle: Bundle, runtime: Runtime, part: ShownPart, budget: Budget) -> None:
        self._bundle, self._runtime, self._part, self._budget = bundle, runtime, part, budget
        self._encodings: LRUCache[frozenset[Region], ImageFeatures] = LRUCache(_ENCODED_KEPT)

    def __call__(self, texts: Sequence[str], *, pictured: bool = True, tagged: bool = True) -> list[dict[str, Score]]:
        """Scores with each of ``texts`` in place of the part's own; on request without its picture or its tags."""
        features = self._part.features if pictured else None
        logits = self._logits(texts, [features] * len(texts), self._part.tags if tagged else ())
        calibration = self._bundle.manifest.calibration
        found = {
            name: calibrated_logits(rows, calibration[name].of(self._part.modality)) for name, rows in logits.items()
        }
        tasks = self._bundle.tasks
        return [{task.name: score_of(task, found[task.name][row]) for task in tasks} for row in range(len(texts))]

    def game(self, players: Players, hidden_in: HiddenIn) -> Game:
        """The game of hiding ``players`` of this part. A picture of which nothing is shown is one that is not there."""
        pictures = self._pictures(players.regions, hidden_in)

        def play(rows: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
            distinct, places = np.unique(rows, axis=0, return_inverse=True)
            words, regions = players.shown(distinct)
            texts = [text_with(self._part.text, players.words, row) for row in words]
            logits = self._logits(texts, [pictures(row) for row in regions], self._part.tags)
            return {name: scores[places.ravel()] for name, scores in self._binary(logits).items()}

        return play

    def _binary(self, logits: Logits) -> dict[str, NDArray[np.float64]]:
        """Of the yes/no tasks the score of each row, [N]."""
        calibration, modality = self._bundle.manifest.calibration, self._part.modality
        return {
            task.name: probabilities_of(task, logits[task.name], calibration[task.name].of(modality))
            for task in self._bundle.tasks
            if task.kind == "binary"
        }

    def _pictures(self, regions: Sequence[Region], hidden_in: HiddenIn) -> Hide:
        """What gives the picture's features with some of ``regions`` hidden."""
        features, image = self._part.features, self._part.image
        if features is None or image is None:
            return lambda shown: None
        preprocessor = self._bundle.preprocessor
        place, side_px = preprocessor.place(image.size), preprocessor.config.side_px
        if hidden_in == "features":
            tokens = tokens_of(regions, features.patches.shape[1], place, side_px)
            return hide_in_features(features, regions, tokens)
        pixels = preprocessor.pixels(image)

        def encode(hidden: frozenset[Region]) -> ImageFeatures:
            if hidden not in self._encodings:
                self._check_time()
                self._encodings[hidden] = self._runtime.encode_images(covered(pixels, hidden, place)[None])
            return self._encodings[hidden]

        return hide_in_pixels(features, regions, encode)

    def _logits(self, texts: Sequence[str], pictures: Sequence[ImageFeatures | None], tags: Sequence[str]) -> Logits:
        """Logits by task, a row a text with its picture. Pictures of as many tokens go through the head together."""
        by_width: dict[int, list[int]] = {}
        for row, picture in enumerate(pictures):
            by_width.setdefault(0 if picture is None else picture.patches.shape[1], []).append(row)
        found: dict[int, dict[str, NDArray[np.float32]]] = {}
        for rows in by_width.values():
            for at in range(0, len(rows), _BATCH):
                some = rows[at : at + _BATCH]
                self._check_time()
                logits = self._ask([texts[row] for row in some], [pictures[row] for row in some], tags)
                found |= {row: {name: of[place] for name, of in logits.items()} for place, row in enumerate(some)}
        return {
            task.name: np.stack([found[row][task.name] for row in range(len(texts))]) for task in self._bundle.tasks
        }

    def _ask(self, texts: Sequence[str], pictures: Sequence[ImageFeatures | None], tags: Sequence[str]) -> Logits:
        """The same of a batch, in which either all have a picture or none has."""
        distinct = {id(picture): picture for picture in pictures if picture is not None}
        places = {name: place for place, name in enumerate(distinct)}
        questions = [Question(text, tags, places.get(id(one), 0)) for text, one in zip(texts, pictures, strict=True)]
        features = joined(list(distinct.values())) if distinct else self._runtime.no_features(1)
        mask = np.full(len(features.embeds), int(bool(distinct)), dtype=np.int64)
        return self._runtime.ask(features, mask, questions, _BATCH)

    def _check_time(self) -> None:
        if self._budget.is_spent:
            raise TimeIsOverError
