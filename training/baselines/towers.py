"""Frozen features: what the towers say of memes, before anything is tuned: the ground that most baselines stand on."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import normalize
from torch import Tensor, nn

from model.network.text_tower import TextTower
from training.data.examples import Examples
from training.data.modalities import BOTH

_BATCH = 32


@dataclass(frozen=True)
class FrozenFeatures:
    """Unit vectors of N memes, ``text`` [N, Dt] and ``image`` [N, Di]; rows of zeros where there is none."""

    text: NDArray[np.float64]
    image: NDArray[np.float64]
    has_text: NDArray[np.bool_]
    has_image: NDArray[np.bool_]

    @property
    def both(self) -> NDArray[np.float64]:
        """Text and picture side by side, [N, Dt + Di]."""
        return np.hstack([self.text, self.image])


class FrozenTowers:
    """Reads features of examples and keeps them for the next task or baseline that asks.

    Give towers that no training has touched. ``image_tower`` is only needed for examples that hold pixels; others
    bring their pictures' features. ``one_space``: both towers were trained to agree (CLIP, SigLIP), so that pictures
    can be compared with sentences.
    """

    def __init__(self, text_tower: TextTower, image_tower: nn.Module | None = None, *, one_space: bool = False) -> None:
        self.text_tower = text_tower.eval()
        self.one_space = one_space
        self._image_tower = image_tower.eval() if image_tower is not None else None
        self._device = next((parameter.device for parameter in text_tower.parameters()), torch.device("cpu"))
        self._image_width = 0
        self._read: dict[int, tuple[Examples, FrozenFeatures]] = {}

    def __call__(self, examples: Examples) -> FrozenFeatures:
        """Features of all ``examples``, in order."""
        if id(examples) not in self._read:
            self._read[id(examples)] = (examples, self._features(examples))
        return self._read[id(examples)][1]

    def texts(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float64]:
        """Unit vectors [B, Dt] of tokenised sentences [B, T]."""
        with torch.inference_mode():
            ids, mask = torch.from_numpy(input_ids).to(self._device), torch.from_numpy(attention_mask).to(self._device)
            return _unit(self.text_tower(ids, mask)[0], mask.any(dim=1))

    @torch.inference_mode()
    def _features(self, examples: Examples) -> FrozenFeatures:
        parts = [
            self._batch(examples, list(range(at, min(at + _BATCH, len(examples)))))
            for at in range(0, len(examples), _BATCH)
        ]
        text, images, has_text, has_image = zip(*parts, strict=True)
        # A batch without a picture may come with placeholders of width 0.
        self._image_width = max([self._image_width, *(image.shape[1] for image in images)])
        image = np.concatenate([np.pad(part, ((0, 0), (0, self._image_width - part.shape[1]))) for part in images])
        return FrozenFeatures(np.concatenate(text), image, np.concatenate(has_text), np.concatenate(has_image))

    def _batch(self, examples: Examples, indices: list[int]) -> tuple[NDArray[np.float64], ...]:
        batch = examples.batch(indices, BOTH).to(self._device)
        embeds, image_mask, ids, mask = batch.inputs[0], batch.inputs[2], batch.inputs[3], batch.inputs[4]
        if batch.pixels is not None:
            if self._image_tower is None:
                raise ValueError("these examples hold pixels: FrozenTowers needs an image tower to read them")
            embeds = self._image_tower(batch.pixels)[0]
        text = _unit(self.text_tower(ids, mask)[0], mask.any(dim=1))
        image = _unit(embeds, image_mask > 0)
        return text, image, mask.any(dim=1).cpu().numpy(), (image_mask > 0).cpu().numpy()


def _unit(rows: Tensor, present: Tensor) -> NDArray[np.float64]:
    shown = torch.where(present[:, None], rows, torch.zeros_like(rows))
    return np.asarray(normalize(shown.float().cpu().numpy()), dtype=np.float64)
