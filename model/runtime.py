"""ModelInputs to logits, with onnxruntime. The network's torch twin is never needed here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model.bundle import Bundle, ImageTowerSpec
from model.errors import EngineUnavailableError
from model.parts.pooling import Logits
from model.preprocess import ModelInputs, TextInputs

Provider = Literal["cpu", "cuda"]
_ORT_PROVIDER: dict[Provider, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


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


class Question(NamedTuple):
    """What the head is asked about: words and tags, with the picture in this row of the features."""

    text: str
    tags: Sequence[str]
    picture: int


class ImageTower:
    """The picture's graph on its own: training caches what it says, the runtime feeds it to a head."""

    def __init__(
        self, path: Path, spec: ImageTowerSpec, *, provider: Provider = "cpu", threads: int | None = None
    ) -> None:
        self._spec = spec
        self._session = _session(path, provider, threads)

    @property
    def providers(self) -> list[str]:
        """Execution providers in force, in onnxruntime's names."""
        return list(self._session.get_providers())

    def encode(self, pixel_values: NDArray[np.float32]) -> ImageFeatures:
        """Features of float32 [B, 3, S, S], B >= 1."""
        size = len(pixel_values) if self._spec.batch_invariant else 1
        outputs = [self._run(pixel_values[at : at + size]) for at in range(0, len(pixel_values), size)]
        return ImageFeatures(
            embeds=np.concatenate([embeds for embeds, _ in outputs]),
            patches=np.concatenate([patches for _, patches in outputs]),
        )

    def _run(self, pixel_values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        outputs = [self._spec.embeds_output, self._spec.patches_output]
        embeds, patches = self._session.run(outputs, {self._spec.input_name: pixel_values})
        return embeds, patches


class Runtime:
    """Image tower and head of one bundle. ``threads`` bounds the cores of one call (None: all). Safe under threads."""

    def __init__(self, bundle: Bundle, *, provider: Provider = "cpu", threads: int | None = None) -> None:
        """Open the sessions; raises ``EngineUnavailableError`` when ``provider`` cannot be had."""
        spec = bundle.manifest.image_tower
        self._spec = spec
        self._preprocessor = bundle.preprocessor
        self._tower = ImageTower(bundle.file(spec.file), spec, provider=provider, threads=threads)
        self._head = _session(bundle.file(bundle.manifest.head.file), provider, threads)
        self._head_inputs = {node.name for node in self._head.get_inputs()}
        self._task_names = [task.name for task in bundle.tasks]
        tags = bundle.manifest.parity.get("tags")
        self._may_omit_tags = isinstance(tags, list) and 0 in tags  # its graph was checked without any

    @property
    def providers(self) -> list[str]:
        """Execution providers in force, in onnxruntime's names."""
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
        if self._may_omit_tags and not text.tag_mask.any():
            # Tags that are all padding would be read by the text tower, one for every row.
            text = replace(text, tag_ids=text.tag_ids[:, :0], tag_mask=text.tag_mask[:, :0])
        feed = {
            "image_embeds": features.embeds,
            "patch_tokens": features.patches,
            "image_mask": image_mask,
            "input_ids": text.input_ids,
            "attention_mask": text.attention_mask,
            "tag_ids": text.tag_ids,
            "tag_mask": text.tag_mask,
        }
        # A head without knowledge tokens has no tag inputs in its graph.
        feed = {name: value for name, value in feed.items() if name in self._head_inputs}
        return dict(zip(self._task_names, self._head.run(self._task_names, feed), strict=True))

    def ask(
        self, features: ImageFeatures, image_mask: NDArray[np.int64], questions: Sequence[Question], batch_size: int
    ) -> Logits:
        """Logits by task [Q, n_logits], Q >= 1; ``features`` and ``image_mask`` [V] are of the pictures."""
        found = []
        for at in range(0, len(questions), batch_size):
            some = questions[at : at + batch_size]
            rows = [question.picture for question in some]
            text = self._preprocessor.text_inputs([one.text for one in some], [one.tags for one in some])
            found.append(self.head(features.rows(rows), image_mask[rows], text))
        return {name: np.concatenate([logits[name] for logits in found]) for name in self._task_names}


def session_options(threads: int | None = None) -> ort.SessionOptions:
    """How every session of this project is opened. ``threads`` bounds the cores of one call (None: all)."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # int8 weights become float once, when the session opens, instead of at every call.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    # On x86 without VNNI, products of 8-bit integers are summed in 16 bits that overflow: what an int8 image tower says
    # is then noise. This takes instructions that do not overflow there, and changes nothing elsewhere.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Threads that wait for work while turning in circles keep the cores from whoever has some: on two cores a server
    # judges twice as many memes without it, and a call on its own is not slower.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def _session(path: Path, provider: Provider, threads: int | None) -> ort.InferenceSession:
    wanted = _ORT_PROVIDER[provider]
    if wanted not in ort.get_available_providers():
        raise EngineUnavailableError(
            f"execution provider {wanted} is not in this onnxruntime ({', '.join(ort.get_available_providers())}); "
            "install the extra 'gpu', or ask for the provider 'cpu'"
        )
    session = ort.InferenceSession(str(path), session_options(threads), providers=[wanted])
    # onnxruntime falls back to the CPU without a word when CUDA's libraries are missing.
    if session.get_providers()[0] != wanted:
        raise EngineUnavailableError(
            f"asked onnxruntime for {wanted}, got {session.get_providers()[0]}: the CUDA libraries were not found; "
            "install the extra 'gpu' and a driver, or ask for the provider 'cpu'"
        )
    return session
