"""Configs of the two kernel machines: the teacher whose out-of-fold scores are soft labels, and the memory."""

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt


class MemoryConfig(BaseModel):
    """``ridge`` is the penalty of the regression that weighs the remembered memes.

    ``sources`` are indices into ``data.train``; None: those of the last phase.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ridge: float = Field(2.0, gt=0)
    sources: tuple[NonNegativeInt, ...] | None = Field(None, min_length=1)


class TeacherConfig(BaseModel):
    """``ridge`` is the penalty; ``repeats`` different partitions into ``folds`` are averaged.

    ``sources`` are those whose labels are noisy, as indices into ``data.train``; None: those of the last phase.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ridge: float = Field(3.0, gt=0)
    folds: int = Field(8, ge=2)
    repeats: int = Field(2, ge=1)
    sources: tuple[NonNegativeInt, ...] | None = Field(None, min_length=1)
