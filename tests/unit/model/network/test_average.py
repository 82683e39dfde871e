"""An average of networks: the mean of their logits, whatever they hold in common; what is in common is run once."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny import PATCH_WIDTH, tiny_network
from torch import Tensor, nn

from model.export import round_weights_to_int8
from model.export.graph import head_example
from model.network.average import Average, same_weights
from model.network.memefier import MemeNetwork
from model.network.memory import KernelMemory, MemoryView, NetworkWithMemory, View
from training.data.modalities import IMAGE_ONLY, TEXT_ONLY
from training.run.trained import SingleModality

TASKS = ("hateful", "memotion_sentiment", "offensive")
N_MEMES = 50
SEEDS = (0, 1, 2)


def memory(seed: int, supports_of: int = 0) -> KernelMemory:
    """Weights of a seed on the memes of another."""
    random = torch.Generator().manual_seed(supports_of)
    widths: dict[View, int] = {"image": PATCH_WIDTH, "text": 64}
    views = {
        name: MemoryView(torch.randn(N_MEMES, width, generator=random), torch.zeros(width), torch.ones(width))
        for name, width in widths.items()
    }
    return KernelMemory(views, torch.randn(N_MEMES, 2, generator=torch.Generator().manual_seed(seed)))


def network(seed: int, tower_of: int) -> MemeNetwork:
    """Of a seed, on a text tower of its own with the weights of another seed's."""
    made = tiny_network(seed, tasks=TASKS)
    made.text_tower.load_state_dict(tiny_network(tower_of, tasks=TASKS).text_tower.state_dict())
    return made


class Case(NamedTuple):
    """``n_towers`` and ``n_memories`` are how many are left of those that the networks hold."""

    networks: list[MemeNetwork]
    n_towers: int
    n_memories: int


SHARED, OWN = [network(seed, 7) for seed in SEEDS], [network(seed, seed) for seed in SEEDS]
CASES = {
    "one tower": Case(SHARED, 1, 0),
    "a tower each": Case(OWN, 3, 0),
    "two on one tower": Case([*SHARED[:2], OWN[2]], 2, 0),
    "one tower, one memory": Case([NetworkWithMemory(one, memory(at)) for at, one in enumerate(SHARED)], 1, 1),
    "one tower, a memory each": Case([NetworkWithMemory(one, memory(at, at)) for at, one in enumerate(SHARED)], 1, 3),
    "a tower and a memory each": Case([NetworkWithMemory(one, memory(at)) for at, one in enumerate(OWN)], 3, 3),
    "one remembers": Case([NetworkWithMemory(SHARED[0], memory(0)), *SHARED[1:]], 1, 1),
    "words alone": Case([SingleModality(one, TEXT_ONLY) for one in SHARED], 1, 0),
}


def mean(networks: Sequence[MemeNetwork], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Of networks that run each for itself."""
    with torch.inference_mode():
        found = [one(*inputs) for one in networks]
    return [torch.stack(logits).mean(dim=0) for logits in zip(*found, strict=True)]


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=10)
@given(rows=st.integers(1, 4), tokens=st.integers(1, 9), tags=st.integers(1, 3), seed=st.integers(0, 999))
def test_an_average_gives_the_mean_of_the_logits(name: str, rows: int, tokens: int, tags: int, seed: int) -> None:
    networks = CASES[name].networks
    inputs = head_example(networks[0], batch=rows, text_tokens=tokens, tags=tags, seed=seed)
    inputs[4][seed % rows] *= seed % 2  # a row without words
    with torch.inference_mode():
        found = Average(networks).eval()(*inputs)
    for one, other in zip(found, mean(networks, inputs), strict=True):
        assert torch.allclose(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_what_networks_have_in_common_is_held_and_run_once(name: str) -> None:
    case = CASES[name]
    average = Average(case.networks).eval()
    towers = {one.text_tower for one in average.modules() if isinstance(one, MemeNetwork)}
    memories = [one for one in average.modules() if isinstance(one, KernelMemory)]
    assert (len(towers), len(memories)) == (case.n_towers, case.n_memories)
    calls: list[nn.Module] = []
    for module in (*towers, *memories):
        module.register_forward_hook(lambda module, *_: calls.append(module))
    average(*head_example(average, batch=2, text_tokens=4))
    # Texts and tags, each by every tower.
    assert len(calls) == 2 * case.n_towers + case.n_memories


def test_an_average_leaves_the_networks_as_they_were() -> None:
    networks = CASES["one tower, one memory"].networks
    towers, inputs = [one.text_tower for one in networks], head_example(networks[0], batch=2, text_tokens=4)
    before = mean(networks[1:], inputs)
    Average(networks)
    assert [one.text_tower for one in networks] == towers
    assert all(torch.equal(one, other) for one, other in zip(before, mean(networks[1:], inputs), strict=True))


def test_towers_that_are_equal_are_equal_after_rounding() -> None:
    networks = [network(seed, 7) for seed in SEEDS]
    for one in networks:
        round_weights_to_int8(one)
    assert not same_weights(networks[0].text_tower, SHARED[0].text_tower)
    assert len({one.text_tower for one in Average(networks).modules() if isinstance(one, MemeNetwork)}) == 1


def test_networks_that_look_at_different_things_are_not_averaged() -> None:
    for look in (TEXT_ONLY, IMAGE_ONLY):
        with pytest.raises(ValueError, match="look at different things of a meme"):
            Average([SHARED[0], SingleModality(SHARED[1], look)])


def test_modules_of_other_names_or_other_weights_are_not_the_same() -> None:
    one, other = nn.Linear(2, 2), nn.Linear(2, 2, bias=False)
    assert same_weights(one, one)
    assert not same_weights(one, other)
    other.weight = nn.Parameter(one.weight + 1)
    assert not same_weights(nn.Linear(2, 2, bias=False), other)
