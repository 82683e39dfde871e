"""Samples to the tensors that the network reads, with the very preprocessing of serving."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """``inputs`` are what ``MemeFier.forward`` takes; ``labels`` [B, n_tasks] int64 has ``ABSENT`` where unknown."""

    inputs: Inputs
    labels: Tensor


class Examples:
    """Samples beside the features of their pictures."""

    def __init__(
        self, samples: Sequence[Sample], tasks: tuple[Task, ...], preprocessor: Preprocessor, tower: FrozenTower
    ) -> None:
        self.samples = list(samples)
        self._preprocessor = preprocessor
        self._labels = torch.tensor(
            [[sample.labels.get(task.name, ABSENT) for task in tasks] for sample in samples], dtype=torch.long
        )
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
        return Batch(inputs, self._labels[list(indices)])

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


def _no_features(tower: FrozenTower) -> ImageFeatures:
    return ImageFeatures(
        np.zeros((1, tower.spec.embed_width), dtype=np.float32),
        np.zeros((1, 1, tower.spec.patch_width), dtype=np.float16),
    )
