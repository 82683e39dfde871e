"""Samples to the tensors that the network reads, with the very preprocessing of serving."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.preprocess import Preprocessor, TextInputs
from model.taxonomy import Task
from training.data.batch import Batch, Inputs
from training.data.image_store import PictureSource, PixelPictures, open_pictures
from training.data.modalities import BOTH, Modalities
from training.datasets import Sample
from training.datasets.base import ABSENT

__all__ = ["BOTH", "Batch", "Examples", "Inputs", "Modalities", "PictureSource", "PixelPictures"]

#: Words, and the generator of a training batch, to the words as that batch shows them.
TextNoise = Callable[[str, np.random.Generator], str]
_TEXTS_AT_ONCE = 256


class Examples:
    """Samples beside their pictures, in batches.

    ``pictures`` gives frozen-tower features or pixels. ``text_noise`` changes the words of training batches.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        tasks: tuple[Task, ...],
        preprocessor: Preprocessor,
        pictures: PictureSource,
        *,
        text_noise: TextNoise | None = None,
    ) -> None:
        self.samples = list(samples)
        self.tasks = tasks
        self._preprocessor = preprocessor
        self._text_noise = text_noise
        self._soft_labels: Tensor | None = None
        self._weights: Tensor | None = None
        self._label_noise: Tensor | None = None
        classes = [[_class_of(sample, task) for task in tasks] for sample in samples]
        self._labels = torch.tensor(classes, dtype=torch.long).reshape(len(samples), len(tasks))
        self._label_sets = {task.name: _label_sets(samples, task) for task in tasks if task.kind == "multilabel"}
        self._pictures = open_pictures(pictures, [sample.image for sample in samples if sample.image is not None])
        self._has_picture = np.array([sample.image is not None for sample in samples], dtype=bool)
        #: Place of each sample's picture among ``_pictures``; -1 without one.
        self._places = np.where(self._has_picture, np.cumsum(self._has_picture) - 1, -1)
        self._lengths = np.array([len(sample.text) for sample in samples])

    def __len__(self) -> int:
        return len(self.samples)

    def taught(self, soft_labels: NDArray[np.float64]) -> "Examples":
        """The same samples and pictures, with a teacher's probabilities for the binary tasks beside their labels.

        ``soft_labels`` is [N, n_tasks], NaN where the teacher says nothing.
        """
        examples = copy.copy(self)
        examples._soft_labels = torch.from_numpy(soft_labels.astype(np.float32))
        return examples

    def weighted(self, weights: NDArray[np.float64], label_noise: NDArray[np.float64]) -> "Examples":
        """The same with a weight [N] for each sample, and how probably each of its labels is wrong [N, n_tasks].

        The same object where every weight is 1 and every label certain.
        """
        if (weights == 1).all() and not label_noise.any():
            return self
        examples = copy.copy(self)
        examples._weights = torch.from_numpy(weights.astype(np.float32))
        examples._label_noise = torch.from_numpy(label_noise.astype(np.float32))
        return examples

    @property
    def trust(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """What ``weighted`` was given; None where every sample counts alike."""
        if self._weights is None or self._label_noise is None:
            return None
        return self._weights.numpy(), self._label_noise.numpy()

    @property
    def soft_labels(self) -> NDArray[np.float32] | None:
        """What ``taught`` was given; None without a teacher."""
        return None if self._soft_labels is None else self._soft_labels.numpy()

    @property
    def has_soft_labels(self) -> bool:
        """Whether a teacher says something of some sample."""
        return self._soft_labels is not None and not bool(self._soft_labels.isnan().all())

    def in_windows(self) -> tuple["Examples", NDArray[np.int64]]:
        """The same with each window of a long text as a sample of its own, and whose it is: how the service judges it.

        Ascending; most samples have one window. A window's labels and picture are its sample's.
        """
        spans = [self._preprocessor.windows(sample.text).spans for sample in self.samples]
        owners = np.repeat(np.arange(len(spans)), [len(windows) for windows in spans])
        if len(owners) == len(self):
            return self, owners
        parts = copy.copy(self)
        parts.samples = [
            replace(sample, text=sample.text[start:end])
            for sample, windows in zip(self.samples, spans, strict=True)
            for start, end in windows
        ]
        rows = torch.from_numpy(owners)
        parts._labels = self._labels[rows]
        parts._label_sets = {task: targets[rows] for task, targets in self._label_sets.items()}
        parts._soft_labels = _taken(self._soft_labels, rows)
        parts._weights, parts._label_noise = _taken(self._weights, rows), _taken(self._label_noise, rows)
        parts._has_picture, parts._places = self._has_picture[owners], self._places[owners]
        parts._lengths = np.array([len(sample.text) for sample in parts.samples])
        return parts, owners

    def labels(self, index: int) -> NDArray[np.int64]:
        """Class indices [N] of the task at ``index``, ``ABSENT`` where unknown; all of them for a multilabel task."""
        return self._labels[:, index].numpy()

    def label_sets(self, task: str) -> NDArray[np.float32]:
        """[N, C] of 0 and 1 for a multilabel task, rows of ``ABSENT`` where unknown."""
        return self._label_sets[task].numpy()

    def batch(
        self,
        indices: Sequence[int],
        modalities: Modalities,
        drop: NDArray[np.int64] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Batch:
        """Tensors of the samples at ``indices``.

        ``drop`` [B] hides the picture (1) or the words (2) of a row. With ``rng`` it is a training batch: pictures come
        augmented and words with noise, where the sources have any. Without one nothing is random.
        """
        rows = np.asarray(indices, dtype=np.int64)
        drop = np.zeros(len(rows), dtype=np.int64) if drop is None else drop
        text = self._text(rows, modalities, drop, rng)
        image_mask = self._has_picture[rows] & modalities.image & (drop != 1)
        hidden = np.where(image_mask, self._places[rows], -1)
        shown = self._pictures.show(hidden, rng) if image_mask.any() else self._pictures.blank(len(rows))
        arrays = (text.input_ids, text.attention_mask, text.tag_ids, text.tag_mask)
        input_ids, attention_mask, tag_ids, tag_mask = (torch.from_numpy(array) for array in arrays)
        mask = torch.from_numpy(image_mask.astype(np.int64))
        places = torch.from_numpy(rows)
        return Batch(
            inputs=(shown.embeds, shown.patches, mask, input_ids, attention_mask, tag_ids, tag_mask),
            labels=self._labels[places],
            rows=places,
            label_sets={task: targets[places] for task, targets in self._label_sets.items()},
            captions=self._captions(rows),
            pixels=shown.pixels,
            soft_labels=_taken(self._soft_labels, places),
            weights=_taken(self._weights, places),
            label_noise=_taken(self._label_noise, places),
        )

    def texts(
        self, modalities: Modalities, *, tags: bool = False, captions: bool = False
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Token ids and masks, int64 [N, T] each, of all words, and of tags and captions if asked for; without noise.

        Pictures are not touched.
        """
        for at in range(0, len(self), _TEXTS_AT_ONCE):
            rows = np.arange(at, min(at + _TEXTS_AT_ONCE, len(self)))
            text = self._text(rows, modalities, np.zeros(len(rows), dtype=np.int64), None)
            yield torch.from_numpy(text.input_ids), torch.from_numpy(text.attention_mask)
            if tags:
                yield torch.from_numpy(text.tag_ids).flatten(0, 1), torch.from_numpy(text.tag_mask).flatten(0, 1)
            if captions and (found := self._captions(rows)) is not None:
                yield found

    def shuffled(self, batch_size: int, rng: np.random.Generator) -> Iterator[list[int]]:
        """Every sample once, in batches of like text length (less padding), all with a picture or all without."""
        batches: list[list[int]] = []
        for kind in (True, False):
            members = np.flatnonzero(self._has_picture == kind)
            noisy_lengths = self._lengths[members] * rng.uniform(0.8, 1.25, len(members))
            ordered = members[np.argsort(noisy_lengths)]
            batches += [ordered[at : at + batch_size].tolist() for at in range(0, len(ordered), batch_size)]
        for index in rng.permutation(len(batches)):
            yield batches[index]

    def _text(
        self, rows: NDArray[np.int64], modalities: Modalities, drop: NDArray[np.int64], rng: np.random.Generator | None
    ) -> TextInputs:
        picked = [self.samples[row] for row in rows]
        texts = [
            self._words(sample, rng) if shown else None
            for sample, shown in zip(picked, modalities.text & (drop != 2), strict=True)
        ]
        return self._preprocessor.text_inputs(texts, [sample.tags if modalities.text else () for sample in picked])

    def _words(self, sample: Sample, rng: np.random.Generator | None) -> str:
        if rng is None or self._text_noise is None:
            return sample.text
        return self._text_noise(sample.text, rng)

    def _captions(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor] | None:
        """Token ids and mask [B, L] of the captions; a row of mask zeros has none."""
        captions = [self.samples[row].caption for row in rows]
        if not any(captions):
            return None
        tokens = self._preprocessor.text_inputs(captions, [()] * len(captions))
        return torch.from_numpy(tokens.input_ids), torch.from_numpy(tokens.attention_mask)


def _taken(values: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if values is None else values[rows]


def _class_of(sample: Sample, task: Task) -> int:
    if task.kind == "multilabel":
        return ABSENT
    (label,) = _classes_of(sample.labels.get(task.name, ABSENT))
    return label


def _label_sets(samples: Sequence[Sample], task: Task) -> Tensor:
    """Float [N, C]: 1 for the classes of a sample's label, 0 for the others, a row of ``ABSENT`` without a label."""
    targets = torch.full((len(samples), len(task.classes)), float(ABSENT))
    for row, sample in enumerate(samples):
        if task.name in sample.labels:
            targets[row] = 0.0
            targets[row, _classes_of(sample.labels[task.name])] = 1.0
    return targets


def _classes_of(label: int | tuple[int, ...]) -> list[int]:
    return [label] if isinstance(label, int) else list(label)
