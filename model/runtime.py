"""ModelInputs to logits, with the graphs of a bundle. The network's torch twin is never needed here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, ImageTowerSpec
from model.engine import Choice, EngineChoice, EngineName, Engines, choose, open_network
from model.parts.pooling import Logits
from model.preprocess import ModelInputs, TextInputs


@dataclass(frozen=True)
class ImageFeatures:
    """What the image tower says of a batch: ``embeds`` float32 [B, Di], ``patches`` float32 [B, P, Dp].

    A picture's features depend on the picture alone, so they can be cached by its digest and reused by other heads.
    """

    embeds: NDArray[np.float32]
    patches: NDArray[np.float32]

    def rows(self, places: Sequence[int]) -> "ImageFeatures":
        """Those of some pictures of the batch, in this order, repeated where a place is."""
        return ImageFeatures(self.embeds[places], self.patches[places])


def joined(features: Sequence[ImageFeatures]) -> ImageFeatures:
    """Batches of features, each of as many patches, as one."""
    return ImageFeatures(
        np.concatenate([one.embeds for one in features]), np.concatenate([one.patches for one in features])
    )


class Question(NamedTuple):
    """What the head is asked about: words and tags, with the picture in this row of the features."""

    text: str
    tags: Sequence[str]
    picture: int


class ImageTower:
    """The picture's graph on its own: training caches what it says, the runtime feeds it to a head."""

    def __init__(
        self, path: Path, spec: ImageTowerSpec, *, engine: EngineName = "onnxruntime", threads: int | None = None
    ) -> None:
        self._spec = spec
        self._network = open_network(path, engine, threads, static_int8=spec.static_int8)

    @property
    def providers(self) -> list[str]:
        """What computes it: execution providers in onnxruntime's names, or OpenVINO."""
        return self._network.providers

    def encode(self, pixel_values: NDArray[np.float32]) -> ImageFeatures:
        """Features of float32 [B, 3, S, S], B >= 1."""
        size = len(pixel_values) if self._spec.batch_invariant else 1
        return joined([self._run(pixel_values[at : at + size]) for at in range(0, len(pixel_values), size)])

    def _run(self, pixel_values: NDArray[np.float32]) -> ImageFeatures:
        outputs = [self._spec.embeds_output, self._spec.patches_output]
        embeds, patches = self._network.run(outputs, {self._spec.input_name: pixel_values})
        return ImageFeatures(embeds, patches)


def engines_for(bundle: Bundle, asked: EngineChoice | Engines = "auto") -> Choice:
    """What runs the networks of a bundle, and those that read words; see ``model.engine.choose``."""
    return choose(asked, int8_tower=bundle.manifest.image_tower.precision == "int8")


class Runtime:
    """Image tower and head of one bundle. ``threads`` bounds the cores of one call (None: all). Safe under threads."""

    def __init__(self, bundle: Bundle, *, engine: EngineChoice | Engines = "auto", threads: int | None = None) -> None:
        """Open the graphs; raises ``EngineUnavailableError`` when ``engine`` cannot be had."""
        self.choice = engines_for(bundle, engine)
        spec = bundle.manifest.image_tower
        self._spec = spec
        self._preprocessor = bundle.preprocessor
        self._tower = ImageTower(bundle.file(spec.file), spec, engine=self.engines.image_tower, threads=threads)
        self._head = open_network(bundle.file(bundle.manifest.head.file), self.engines.head, threads)
        self._task_names = [task.name for task in bundle.tasks]
        self._text_output = bundle.manifest.head.text_output
        tags = bundle.manifest.parity.get("tags")
        # Graphs are checked without any in onnxruntime alone: OpenVINO gives fewer rows then.
        self._may_omit_tags = isinstance(tags, list) and 0 in tags and self.engines.head in ("onnxruntime", "cuda")

    @property
    def engines(self) -> Engines:
        """What computes the graphs, and the networks that read words as this choice has it."""
        return self.choice.engines

    @property
    def providers(self) -> list[str]:
        """What computes the image tower: execution providers in onnxruntime's names, or OpenVINO."""
        return self._tower.providers

    def logits(self, inputs: ModelInputs) -> Logits:
        """Logits by task, each float32 [B, n_logits]."""
        return self.head(self.encode_images(inputs.pixel_values, inputs.image_mask), inputs.image_mask, inputs.text)

    def encode_images(
        self, pixel_values: NDArray[np.float32], image_mask: NDArray[np.int64] | None = None
    ) -> ImageFeatures:
        """Image tower over float32 [B, 3, S, S]; rows that ``image_mask`` [B] hides are zeros and cost nothing."""
        if image_mask is None or image_mask.all():
            return self._tower.encode(pixel_values)
        shown = np.flatnonzero(image_mask)
        if not len(shown):
            return self.no_features(len(pixel_values))
        found = self._tower.encode(pixel_values[shown])
        embeds = np.zeros((len(pixel_values), *found.embeds.shape[1:]), dtype=np.float32)
        patches = np.zeros((len(pixel_values), *found.patches.shape[1:]), dtype=np.float32)
        embeds[shown], patches[shown] = found.embeds, found.patches
        return ImageFeatures(embeds, patches)

    def no_features(self, n_rows: int) -> ImageFeatures:
        """Zeros with a single patch, for rows without a picture: the mask hides them."""
        embeds, patches = (n_rows, self._spec.embed_width), (n_rows, 1, self._spec.patch_width)
        return ImageFeatures(np.zeros(embeds, dtype=np.float32), np.zeros(patches, dtype=np.float32))

    def head(self, features: ImageFeatures, image_mask: NDArray[np.int64], text: TextInputs) -> Logits:
        """Text tower, fusion and heads over features that ``encode_images`` made."""
        return self._run_head(self._task_names, features, image_mask, text)

    def ask(
        self, features: ImageFeatures, image_mask: NDArray[np.int64], questions: Sequence[Question], batch_size: int
    ) -> Logits:
        """Logits by task [Q, n_logits], Q >= 1; ``features`` and ``image_mask`` [V] are of the pictures."""
        return self._ask(self._task_names, features, image_mask, questions, batch_size)

    def ask_with_text(
        self, features: ImageFeatures, image_mask: NDArray[np.int64], questions: Sequence[Question], batch_size: int
    ) -> tuple[Logits, NDArray[np.float32] | None]:
        """``ask``, and what the text tower pools of each question's text [Q, Dt]; None where the graph keeps it."""
        if self._text_output is None:
            return self.ask(features, image_mask, questions, batch_size), None
        outputs = [*self._task_names, self._text_output]
        found = self._ask(outputs, features, image_mask, questions, batch_size)
        text = found.pop(self._text_output)
        return found, text

    def _ask(
        self,
        outputs: Sequence[str],
        features: ImageFeatures,
        image_mask: NDArray[np.int64],
        questions: Sequence[Question],
        batch_size: int,
    ) -> dict[str, NDArray[np.float32]]:
        """Outputs of the head by their names, a row a question."""
        found = []
        for at in range(0, len(questions), batch_size):
            some = questions[at : at + batch_size]
            rows = [question.picture for question in some]
            text = self._preprocessor.text_inputs([one.text for one in some], [one.tags for one in some])
            found.append(self._run_head(outputs, features.rows(rows), image_mask[rows], text))
        return {name: np.concatenate([rows[name] for rows in found]) for name in outputs}

    def _run_head(
        self, outputs: Sequence[str], features: ImageFeatures, image_mask: NDArray[np.int64], text: TextInputs
    ) -> dict[str, NDArray[np.float32]]:
        if self._may_omit_tags and not text.tag_mask.any():
            # Tags that are all padding would be read by the text tower, one for every row.
            text = replace(text, tag_ids=text.tag_ids[:, :0], tag_mask=text.tag_mask[:, :0])
        feed: dict[str, NDArray[Any]] = {
            "image_embeds": features.embeds,
            "patch_tokens": features.patches,
            "image_mask": image_mask,
            "input_ids": text.input_ids,
            "attention_mask": text.attention_mask,
            "tag_ids": text.tag_ids,
            "tag_mask": text.tag_mask,
        }
        # A head without knowledge tokens has no tag inputs in its graph.
        feed = {name: value for name, value in feed.items() if name in self._head.input_names}
        return dict(zip(outputs, self._head.run(outputs, feed), strict=True))
