"""Which losses a run is trained with, and whether its data and network allow them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from model.network.caption import DecoderSize
from training.data.examples import Examples
from training.errors import ConfigError

View = Literal["image", "text", "caption"]


class LossConfig(BaseModel):
    """Which losses, and how much each weighs; a weight of 0 is off, and then its other settings are not read.

    ``loss = (1 - rgcl_weight) * classification + rgcl_weight * rgcl + caption_weight * caption
    + contrastive_weight * contrastive``
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    distillation_weight: float = Field(default=0.0, ge=0, le=1)
    """How much of a binary target is the teacher's word (``training/kernel/ridge.py``), where there is one."""

    caption_weight: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """MemeFier's alpha: 0.2 or 0.8 in the paper."""
    caption_decoder: DecoderSize = "small"
    caption_max_tokens: int = Field(default=40, ge=2)
    """Captions are cut to this for the decoder."""

    contrastive_weight: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    contrastive_views: tuple[View, ...] = ("image", "text", "caption")
    """Memes that lack one of these have no part in the loss. Text is the words on the meme."""
    contrastive_temperature: float = Field(default=0.07, gt=0)
    contrastive_width: int = Field(default=256, gt=0)

    rgcl_weight: float = Field(default=0.0, ge=0, lt=1)
    """0.5 in the paper. It is taken from the classification loss, and must leave some of it."""
    rgcl_task: str = "hateful"
    """The binary task whose labels say which neighbours are positives."""
    rgcl_positives: int = Field(default=1, gt=0)
    rgcl_hard_negatives: int = Field(default=1, gt=0)
    rgcl_temperature: float = Field(default=1.0, gt=0)

    @field_validator("contrastive_views")
    @classmethod
    def _two_views(cls, views: tuple[View, ...]) -> tuple[View, ...]:
        if len(set(views)) != len(views) or len(views) < 2:
            raise ValueError("name two or three different views of image, text, caption")
        return views


def check_losses(losses: LossConfig, train: Examples) -> None:
    """Raise ``ConfigError`` when a loss that is on finds nothing in ``train`` to be computed from.

    Called before any work, since such a loss would be zero throughout without a word.
    """
    samples = train.samples
    has = {
        "image": [sample.image is not None for sample in samples],
        "text": [bool(sample.text.strip()) for sample in samples],
        "caption": [bool(sample.caption and sample.caption.strip()) for sample in samples],
    }
    if losses.caption_weight and not any(map(all, zip(has["image"], has["caption"], strict=True))):
        raise ConfigError(
            "caption_weight is above 0, but no training sample has both a picture and a caption: "
            "set caption_weight to 0, or add data with captions"
        )
    if losses.contrastive_weight:
        _check_views(losses, has)
    if losses.rgcl_weight:
        _check_neighbours(losses, train)
    if losses.distillation_weight and not train.has_soft_labels:
        raise ConfigError(
            "distillation_weight is above 0, but no teacher says anything of the training set: set it to 0"
        )


def _check_views(losses: LossConfig, has: dict[str, list[bool]]) -> None:
    n_whole = sum(map(all, zip(*(has[view] for view in losses.contrastive_views), strict=True)))
    if n_whole < 2:
        counts = ", ".join(f"{view}: {sum(has[view])}" for view in losses.contrastive_views)
        raise ConfigError(
            f"contrastive_weight is above 0, but {n_whole} training samples have all of contrastive_views ({counts}), "
            "and it takes two: name fewer views, set contrastive_weight to 0, or add such data"
        )


def _check_neighbours(losses: LossConfig, train: Examples) -> None:
    names = [task.name for task in train.tasks]
    labels = train.labels(names.index(losses.rgcl_task)).tolist() if losses.rgcl_task in names else []
    n_negative, n_positive = labels.count(0), labels.count(1)
    if min(n_negative, n_positive) < 2:
        raise ConfigError(
            f"rgcl_weight is above 0, but of {losses.rgcl_task!r} the training set has {n_negative} negative and "
            f"{n_positive} positive labels, and it takes two of each: name another rgcl_task, set rgcl_weight to 0, "
            "or add such data"
        )
