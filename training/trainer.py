"""A plain training loop: multi-task, mixed text-only and meme batches, the best epoch on dev is kept."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from tqdm import tqdm

from model.network.memefier import MemeFier
from training.examples import BOTH, Batch, Examples, Modalities
from training.losses import ABSENT, multi_task_loss


class PhaseConfig(BaseModel):
    """One phase of training. Learning rates are peaks: they rise over the first tenth and fall to zero."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(gt=0)
    select_on: str = "hateful"
    """The task whose dev AUROC picks the epoch that is kept."""
    batch_size: int = Field(32, gt=0)
    text_tower_lr: float = Field(ge=0)
    fusion_lr: float = Field(gt=0)
    weight_decay: float = 0.01
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    modality_dropout: float = Field(0.0, ge=0, lt=0.5)
    """Share of rows whose picture is hidden, and as many whose words are."""
    patch_keep: float = Field(1.0, gt=0, le=1)
    """Share of the patch tokens shown at a step (PatchDropout, Liu et al. 2022): faster, and it regularises."""
    bf16: bool = False
    """Autocast to bfloat16: about twice as fast on processors that have it."""


@dataclass(frozen=True)
class EpochResult:
    """Mean training loss and dev AUROC by task after an epoch."""

    epoch: int
    loss: float
    dev_auroc: dict[str, float]


def train_phase(
    network: MemeFier,
    train: Examples,
    dev: Examples,
    config: PhaseConfig,
    *,
    seed: int,
    modalities: Modalities = BOTH,
    label: str = "train",
) -> list[EpochResult]:
    """Train ``network`` in place, leave it with the weights of its best epoch on dev, return every epoch's result.

    Raises ``ValueError``, before any step, when ``dev`` cannot rank the task that the epoch is chosen by.
    """
    if config.select_on not in _ranked_tasks(network, dev).values():
        raise ValueError(f"dev needs items of both classes of a binary task {config.select_on!r} to choose an epoch")
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    n_batches = sum(1 for _ in train.shuffled(config.batch_size, np.random.default_rng(0)))
    optimizer = torch.optim.AdamW(_groups(network, config))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_up_then_linear(config.epochs * n_batches))
    history: list[EpochResult] = []
    best: dict[str, Any] = {}
    for epoch in range(1, config.epochs + 1):
        batches = tqdm(_batches(train, config, modalities, rng), total=n_batches, desc=f"{label} {epoch}", leave=False)
        loss = float(np.mean([_step(network, batch, optimizer, schedule, config) for batch in batches]))
        history.append(EpochResult(epoch, loss, dev_auroc(network, dev, modalities)))
        tqdm.write(f"{label} epoch {epoch}: loss {loss:.4f}, dev AUROC {history[-1].dev_auroc}")
        if history[-1].dev_auroc[config.select_on] == max(result.dev_auroc[config.select_on] for result in history):
            best = copy.deepcopy(network.state_dict())
    network.load_state_dict(best)
    return history


def predict(network: MemeFier, examples: Examples, modalities: Modalities = BOTH) -> list[NDArray[np.float32]]:
    """Logits [N, n_logits] a task, in the order of ``examples``."""
    network.eval()
    order = np.argsort([len(sample.text) for sample in examples.samples], kind="stable")
    outputs: list[tuple[Tensor, ...]] = []
    with torch.inference_mode():
        for at in range(0, len(order), 32):
            outputs.append(network(*examples.batch(order[at : at + 32].tolist(), modalities).inputs))
    stacked = [torch.cat(parts).numpy() for parts in zip(*outputs, strict=True)]
    back = np.argsort(order, kind="stable")
    return [logits[back] for logits in stacked]


def dev_auroc(network: MemeFier, dev: Examples, modalities: Modalities) -> dict[str, float]:
    """AUROC of each binary task over the dev samples that have its label, where both classes occur."""
    logits = predict(network, dev, modalities)
    aurocs = {}
    for place, name in _ranked_tasks(network, dev).items():
        labels = dev.labels(place)
        known = labels != ABSENT
        aurocs[name] = round(float(roc_auc_score(labels[known], logits[place][known, 0])), 4)
    return aurocs


def _ranked_tasks(network: MemeFier, dev: Examples) -> dict[int, str]:
    """Place and name of each binary task of which ``dev`` has both classes."""
    return {
        place: task.name
        for place, task in enumerate(network.config.task_list)
        if task.kind == "binary" and {0, 1} <= set(dev.labels(place).tolist())
    }


def _batches(train: Examples, config: PhaseConfig, modalities: Modalities, rng: np.random.Generator) -> Iterator[Batch]:
    p = config.modality_dropout
    for indices in train.shuffled(config.batch_size, rng):
        both_shown = modalities.image and modalities.text and train.samples[indices[0]].image is not None
        drop = rng.choice(3, size=len(indices), p=[1 - 2 * p, p, p]) if both_shown else None
        yield _with_patches_dropped(train.batch(indices, modalities, drop), config.patch_keep, rng)


def _with_patches_dropped(batch: Batch, keep: float, rng: np.random.Generator) -> Batch:
    embeds, patches, *rest = batch.inputs
    kept = rng.permutation(patches.shape[1])[: max(1, round(keep * patches.shape[1]))]
    return replace(batch, inputs=(embeds, patches[:, np.sort(kept)], *rest))  # type: ignore[arg-type]


def _step(
    network: MemeFier,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    config: PhaseConfig,
) -> float:
    network.train()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bf16):
        logits = network(*batch.inputs)
    loss = multi_task_loss(
        tuple(task_logits.float() for task_logits in logits),
        batch.labels,
        network.config.task_list,
        label_smoothing=config.label_smoothing,
    )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return float(loss.detach())


def _groups(network: MemeFier, config: PhaseConfig) -> list[dict[str, Any]]:
    """The text tower learns slowly, or not at all (rate 0). Token tables are never tuned: rare words would drift."""
    tower = list(network.text_tower.parameters())
    for parameter in tower:
        parameter.requires_grad_(config.text_tower_lr > 0)
    for module in network.text_tower.modules():
        if isinstance(module, nn.Embedding):
            module.requires_grad_(False)
    tuned = [parameter for parameter in tower if parameter.requires_grad]
    in_tower = {id(parameter) for parameter in tower}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in in_tower]
    groups = [{"params": rest, "lr": config.fusion_lr, "weight_decay": config.weight_decay}]
    if tuned:
        groups.append({"params": tuned, "lr": config.text_tower_lr, "weight_decay": config.weight_decay})
    return groups


def _warm_up_then_linear(n_steps: int) -> Any:
    warm_up = max(1, n_steps // 10)

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return max(0.0, (n_steps - step) / max(1, n_steps - warm_up))

    return factor
