"""Checks that the losses of a config find what they are computed from in the data."""

from model.meme import has_words
from training.data.examples import Examples
from training.errors import ConfigError
from training.losses.config import LossConfig


def check_losses(losses: LossConfig, train: Examples) -> None:
    """Raise ``ConfigError`` when a loss that is on finds nothing in ``train`` to be computed from.

    Called before any work, since such a loss would be zero throughout without a word.
    """
    samples = train.samples
    has = {
        "image": [sample.image is not None for sample in samples],
        "text": [has_words(sample.text) for sample in samples],
        "caption": [has_words(sample.caption or "") for sample in samples],
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
