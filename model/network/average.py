"""The mean of the logits of several networks as one network, which reads a text once where they all read it alike.

Networks of several seeds often stand on the same text tower, by far the heaviest part of a head, and then remember the
same memes. What they have in common is held once, in torch and so in the exported graph.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from model.network.fusion import TowerFeatures
from model.network.memefier import HeadInputs, MemeNetwork
from model.network.memory import NetworkWithMemory


class Average(MemeNetwork):
    """The mean of the logits of ``networks``, whose weights it shares; all of them look at the same of a meme.

    Those whose text tower has the weights of the first one's stand on that one and judge what it read; the others read
    for themselves. Where all stand on one tower and remember the same memes, the first votes for all.
    """

    def __init__(self, networks: Sequence[MemeNetwork]) -> None:
        super().__init__(networks[0].parts)
        if any(network.look != self.look for network in networks):
            raise ValueError("networks that look at different things of a meme cannot be averaged")
        tower = self.text_tower
        on_one = [
            network.on_tower(tower) if same_weights(network.text_tower, tower) else network for network in networks
        ]
        self.networks = nn.ModuleList(_voting_once(on_one))
        # Now, since an exporter that traces ``judge`` shows it other objects in place of the modules.
        self._on_one_tower = [network.text_tower is tower for network in on_one]

    def judge(self, inputs: HeadInputs, features: TowerFeatures) -> tuple[Tensor, ...]:
        """See ``MemeNetwork.judge``; ``features`` are what the first network's text tower read."""
        networks = zip(cast(Sequence[MemeNetwork], self.networks), self._on_one_tower, strict=True)
        per_network = [
            network.judge(inputs, features if is_read_already else network.read(inputs))
            for network, is_read_already in networks
        ]
        return tuple(torch.stack(logits).mean(dim=0) for logits in zip(*per_network, strict=True))


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules have equal weights and buffers under the same names."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(values, theirs[name]) for name, values in ours.items())


def _voting_once(networks: Sequence[MemeNetwork]) -> list[MemeNetwork]:
    """The same networks, or such that have one memory where they remember the same memes on one tower.

    Votes of the same memes add up to a vote with the sum of their weights.
    """
    remembering = [network for network in networks if isinstance(network, NetworkWithMemory)]
    first = networks[0]
    if len(remembering) < len(networks) or not isinstance(first, NetworkWithMemory):
        return list(networks)
    if not all(
        network.text_tower is first.text_tower and same_weights(network.memory.views, first.memory.views)
        for network in remembering
    ):
        return list(networks)
    weights = torch.stack([network.memory.weights for network in remembering]).sum(dim=0)
    alone = [MemeNetwork(network.parts) for network in networks]
    return [NetworkWithMemory(alone[0], first.memory.with_weights(weights)), *alone[1:]]
