"""Which losses a run is trained with, and whether its data and network allow them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from model.network.config import DecoderSize

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
