"""The exported average of seeds that stand on one text tower: what it weighs, and what others start from."""

from dataclasses import dataclass

import pytest
import torch
from onnx import numpy_helper
from support.tiny import PATCH_WIDTH, TinyBundle, tiny_network
from torch import nn

from model.errors import BundleError
from model.export import check_head_parity, export_head, round_weights_to_int8
from model.export import restore as restore_module
from model.export.restore import HeadWeights, restore_text_tower
from model.network.average import Average
from model.network.memory import KernelMemory, MemoryView, NetworkWithMemory, View
from training.run.bundle_start import BundleStart

TASKS = ("hateful", "offensive")
N_MEMES = 3000
WORDS = "text_tower.bert.embeddings.word_embeddings.weight"


def varied(module: nn.Module, seed: int) -> None:
    """Weights as after training: no two norms alike, which the exporter would make one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)


def seeds() -> list[NetworkWithMemory]:
    """Three, with equal towers and memories of the same memes, each in weights of its own."""
    tower = tiny_network(9).text_tower
    varied(tower, 9)
    networks = []
    for seed in range(3):
        network = tiny_network(seed, tasks=TASKS)
        varied(network.fusion, seed)
        network.text_tower.load_state_dict(tower.state_dict())
        random = torch.Generator().manual_seed(0)
        widths: dict[View, int] = {"image": PATCH_WIDTH, "text": 64}
        views = {
            name: MemoryView(torch.randn(N_MEMES, width, generator=random), torch.zeros(width), torch.ones(width))
            for name, width in widths.items()
        }
        weights = torch.randn(N_MEMES, 2, generator=torch.Generator().manual_seed(seed))
        networks.append(NetworkWithMemory(network, KernelMemory(views, weights)).eval())
    return networks


@dataclass(frozen=True)
class Exported:
    first: NetworkWithMemory
    average: Average
    alone: HeadWeights
    head: HeadWeights


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The average in int8, and the first network alone."""
    folder, networks = tmp_path_factory.mktemp("heads"), seeds()
    average = Average(networks).eval()
    for network in (average, networks[0]):  # the memory of the first has weights of its own, beside the sum
        round_weights_to_int8(network)
    export_head(average, folder / "average.onnx", "int8")
    export_head(networks[0], folder / "alone.onnx", "int8")
    heads = [HeadWeights.read(folder / f"{name}.onnx") for name in ("alone", "average")]
    return Exported(networks[0], average, *heads)


def n_bytes(head: HeadWeights) -> int:
    return sum(numpy_helper.to_array(entry).nbytes for entry in head.model.graph.initializer)


def test_the_head_weighs_one_tower_and_one_memory(exported: Exported) -> None:
    common = [*exported.first.text_tower.parameters(), *exported.first.memory.parameters()]
    rest = n_bytes(exported.alone) - sum(values.numel() for values in common)  # a byte each, or more
    assert 0 < rest < n_bytes(exported.alone) / 2
    assert n_bytes(exported.head) < n_bytes(exported.alone) + 2 * rest
    readers = [
        sum(WORDS in node.input and node.op_type == "Gather" for node in head.model.graph.node)
        for head in (exported.alone, exported.head)
    ]
    assert readers == [2, 2]  # texts and tags


def test_the_head_agrees_with_the_network(exported: Exported) -> None:
    check_head_parity(exported.average, exported.head.path, "int8", max_text_tokens=12, max_tags=3, patches=17)


def test_every_weight_is_found_under_its_first_name(exported: Exported) -> None:
    found = exported.head.below("")
    for name, weights in exported.average.named_parameters():
        assert torch.equal(found[name], weights), name
    assert [name for name in found if name.endswith(WORDS)] == [WORDS]


def test_the_one_text_tower_is_restored_and_held_to_the_graph(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    tower, expected = restore_text_tower(exported.head), exported.average.text_tower.state_dict()
    assert all(torch.equal(values, expected[name]) for name, values in tower.state_dict().items())
    monkeypatch.setattr(restore_module, "TOKEN_PARITY_LIMIT", -1.0)
    with pytest.raises(BundleError, match="differs from the graph's by"):
        restore_text_tower(exported.head)


def test_the_fusion_to_start_from_is_that_of_the_first_network(exported: Exported, tiny: TinyBundle) -> None:
    fresh = tiny_network(5, tasks=TASKS)
    BundleStart(tiny.bundle, exported.head).start_fusion(fresh)
    for name in ("fusion", "heads"):
        ours, first = getattr(fresh, name).state_dict(), getattr(exported.first, name).state_dict()
        assert all(torch.equal(values, first[key]) for key, values in ours.items())
