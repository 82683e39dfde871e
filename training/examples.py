"""Samples to the tensors that the network reads, with the very preprocessing of serving."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.preprocess import Preprocessor
from model.runtime import ImageFeatures
from model.taxonomy import Task
from training.datasets import Sample
from training.features import FrozenTower
from training.losses import ABSENT

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Modalities:
    """Which modalities a network is shown; a twin is shown one alone."""

    image: bool = True
    text: bool = True


BOTH = Modalities()


@dataclass(frozen=True)
class Batch:
    """What a training step sees of B samples.

    - ``inputs`` are what ``MemeFier.forward`` takes.
    - ``labels`` [B, n_tasks] int64 has class indices, ``ABSENT`` where unknown and for multilabel tasks.
    - ``label_sets``: multilabel task -> float [B, C] of 0 and 1, rows of ``ABSENT`` where unknown.
    - ``captions``: token ids and mask, int64 [B, L] each; None when no sample of the batch has a caption.
    - ``pixels`` float32 [B, 3, S, S] when the image tower is trained in the loop; else None.
    - ``rows`` [B] int64: which samples these are, as indices into their ``Examples``.
    """

    inputs: Inputs
    labels: Tensor
    rows: Tensor
    label_sets: dict[str, Tensor] = field(default_factory=dict)
    captions: tuple[Tensor, Tensor] | None = None
    pixels: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with every tensor on ``device``."""
        moved = tuple(tensor.to(device) for tensor in self.inputs)
        captions = self.captions and (self.captions[0].to(device), self.captions[1].to(device))
        return replace(
            self,
            inputs=cast(Inputs, moved),
            labels=self.labels.to(device),
            rows=self.rows.to(device),
            label_sets={task: targets.to(device) for task, targets in self.label_sets.items()},
            captions=captions,
            pixels=None if self.pixels is None else self.pixels.to(device),
        )


class Examples:
    """Samples beside the features of their pictures."""

    def __init__(
        self, samples: Sequence[Sample], tasks: tuple[Task, ...], preprocessor: Preprocessor, tower: FrozenTower
    ) -> None:
        self.samples = list(samples)
        self._preprocessor = preprocessor
        self._labels = torch.tensor(
            [[_class_of(sample, task) for task in tasks] for sample in samples], dtype=torch.long
        )
        self._label_sets = {task.name: _label_sets(samples, task) for task in tasks if task.kind == "multilabel"}
        pictures = [sample.image for sample in samples if sample.image is not None]
        self._features = tower.features(pictures) if pictures else _no_features(tower)
        has_picture = np.array([sample.image is not None for sample in samples])
        #: Row of ``_features`` of each sample; meaningless where it has no picture.
        self._rows = np.maximum(np.cumsum(has_picture) - 1, 0)
        self._has_picture = has_picture
        self._lengths = np.array([len(sample.text) for sample in samples])

    def __len__(self) -> int:
        return len(self.samples)

    def labels(self, place: int) -> NDArray[np.int64]:
        """Class indices [N] of the task at ``place``, with ``ABSENT`` where unknown."""
        return self._labels[:, place].numpy()

    def batch(self, indices: Sequence[int], modalities: Modalities, drop: NDArray[np.int64] | None = None) -> Batch:
        """Tensors of the samples at ``indices``. ``drop`` [B] hides the picture (1) or the words (2) of a row."""
        drop = np.zeros(len(indices), dtype=np.int64) if drop is None else drop
        shows_text = modalities.text & (drop != 2)
        picked = [self.samples[index] for index in indices]
        text = self._preprocessor.text_inputs(
            [sample.text if shown else None for sample, shown in zip(picked, shows_text, strict=True)],
            [sample.tags if modalities.text else () for sample in picked],
        )
        image_mask = self._has_picture[indices] & modalities.image & (drop != 1)
        arrays = (text.input_ids, text.attention_mask, text.tag_ids, text.tag_mask)
        input_ids, attention_mask, tag_ids, tag_mask = (torch.from_numpy(array) for array in arrays)
        embeds, patches = self._pictures(indices, bool(image_mask.any()))
        mask = torch.from_numpy(image_mask.astype(np.int64))
        inputs = (embeds, patches, mask, input_ids, attention_mask, tag_ids, tag_mask)
        rows = torch.as_tensor(list(indices), dtype=torch.long)
        label_sets = {task: targets[rows] for task, targets in self._label_sets.items()}
        return Batch(inputs, self._labels[rows], rows, label_sets)

    def shuffled(self, batch_size: int, rng: np.random.Generator) -> Iterator[list[int]]:
        """Every sample once, in batches of like text length (less padding), all with a picture or all without."""
        batches: list[list[int]] = []
        for kind in (True, False):
            members = np.flatnonzero(self._has_picture == kind)
            noisy_lengths = self._lengths[members] * rng.uniform(0.8, 1.25, len(members))
            ordered = members[np.argsort(noisy_lengths)]
            batches += [ordered[at : at + batch_size].tolist() for at in range(0, len(ordered), batch_size)]
        for place in rng.permutation(len(batches)):
            yield batches[place]

    def _pictures(self, indices: Sequence[int], any_shown: bool) -> tuple[Tensor, Tensor]:
        """Features of a batch; one row of zeros a sample, with a single patch, when no picture is shown."""
        if not any_shown:
            widths = self._features.embeds.shape[1], self._features.patches.shape[2]
            return torch.zeros(len(indices), widths[0]), torch.zeros(len(indices), 1, widths[1])
        rows = self._rows[list(indices)]
        embeds, patches = self._features.embeds[rows], self._features.patches[rows]
        return torch.from_numpy(embeds), torch.from_numpy(patches.astype(np.float32))


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


def _no_features(tower: FrozenTower) -> ImageFeatures:
    return ImageFeatures(
        np.zeros((1, tower.spec.embed_width), dtype=np.float32),
        np.zeros((1, 1, tower.spec.patch_width), dtype=np.float16),
    )
