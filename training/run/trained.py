"""Trained networks of a run, and what each ships as: with a memory, with a modality hidden, or as an average of seeds.

A text-only or image-only run never trains the other modality's path. In a bundle, pictures and words come together, so
the graph itself must close its eyes to one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from model.network.average import Average
from model.network.memefier import HeadInputs, MemeNetwork
from model.network.memory import KernelMemory, NetworkWithMemory
from training.data.examples import Examples
from training.data.modalities import BOTH, TITLES, Modalities
from training.kernel.memory import MEMORY_FILE, read_memory
from training.run.backbone import RunTowers
from training.run.build import build_learner, load_weights, shown_modalities
from training.run.config import TrainConfig
from training.run.folder import RunFolder
from training.trainer.learner import Learner
from training.trainer.trainer import predict

#: Behind the title of what it is shown: the name of an average in tables.
OF_SEEDS = ", average of seeds"


class SingleModality(MemeNetwork):
    """Shares every weight with ``network``; takes the same inputs and hides those of the other modality."""

    def __init__(self, network: MemeNetwork, modalities: Modalities) -> None:
        super().__init__(replace(network.parts, look=_Hide(modalities)))


@dataclass(frozen=True)
class _Hide:
    """A look at no more than ``shown``; two of the same are equal, as an average asks."""

    shown: Modalities

    def __call__(self, inputs: HeadInputs) -> HeadInputs:
        zeros = torch.zeros_like
        if not self.shown.image:
            inputs = inputs._replace(
                image_embeds=zeros(inputs.image_embeds),
                patch_tokens=zeros(inputs.patch_tokens),
                image_mask=zeros(inputs.image_mask),
            )
        if not self.shown.text:
            inputs = inputs._replace(attention_mask=zeros(inputs.attention_mask), tag_mask=zeros(inputs.tag_mask))
        return inputs


def as_shipped(network: MemeNetwork, shown: Modalities, memory: KernelMemory | None) -> MemeNetwork:
    """``network`` for evaluation, hiding what it was never ``shown``, with its memory's votes; shares all weights."""
    seeing = network if shown == BOTH else SingleModality(network, shown)
    return (seeing if memory is None else NetworkWithMemory(seeing, memory)).eval()


@dataclass(frozen=True)
class TrainedNetwork:
    """One network of a run. ``config`` is of its seed and of what it is shown; ``memory`` votes beside it."""

    config: TrainConfig
    learner: Learner
    memory: KernelMemory | None

    @property
    def shown(self) -> Modalities:
        """What it is shown."""
        return shown_modalities(self.config)

    @property
    def variant(self) -> str:
        """Its name in tables."""
        return TITLES[self.shown]

    @property
    def shipped(self) -> MemeNetwork:
        """The network as it ships: with its memory, and a twin's hides what it was never shown. Weights are shared."""
        return as_shipped(self.learner.network, self.shown, self.memory)

    def logits(self, examples: Examples, shown: Modalities = BOTH) -> list[NDArray[np.float32]]:
        """[N, n_logits] a task, shown what the network is shown and no more than ``shown``."""
        # A tower in the loop is the learner's, and such a run has no memory.
        model = self.learner if self.memory is None else self.shipped
        return predict(model, examples, self.shown & shown)


@dataclass(frozen=True)
class AveragedSeeds:
    """The average of the seeds' networks as it ships; they are all ``shown`` the same."""

    network: Average
    shown: Modalities

    @property
    def variant(self) -> str:
        """Its name in tables."""
        return f"{TITLES[self.shown]}{OF_SEEDS}"

    def logits(self, examples: Examples, shown: Modalities = BOTH) -> list[NDArray[np.float32]]:
        """As of a ``TrainedNetwork``: of a long text it is the average that has a highest window."""
        return predict(self.network, examples, self.shown & shown)


def candidates(config: TrainConfig, networks: Sequence[TrainedNetwork]) -> list[TrainedNetwork]:
    """Those of a run's ``networks`` that may ship: a seed each, shown what the run's config says."""
    return [network for network in networks if network.config.modalities == config.modalities]


def average_of(config: TrainConfig, networks: Sequence[TrainedNetwork]) -> AveragedSeeds | None:
    """What ships of a run whose config asks for the average, and that has several networks to average."""
    seeds = candidates(config, networks)
    if config.pick != "average" or len(seeds) == 1:
        return None
    return AveragedSeeds(Average([network.shipped for network in seeds]).eval(), seeds[0].shown)


def trained_network(config: TrainConfig, towers: RunTowers, folder: RunFolder) -> TrainedNetwork:
    """The network that lies in ``folder``, in which ``towers`` get its weights."""
    learner = build_learner(config, towers)
    load_weights(learner, folder.network)
    memory = read_memory(folder.path / MEMORY_FILE) if config.memory is not None else None
    return TrainedNetwork(config, learner.eval(), memory)
