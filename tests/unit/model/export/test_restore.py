import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from support.tiny import TinyBundle, tiny_network
from torch import Tensor

from model.bundle import COMPACT_BUNDLE, Precision
from model.errors import BundleError
from model.export import export_head, round_weights_to_int8
from model.export import restore as restore_module
from model.export.restore import HeadWeights, restore_text_tower
from model.network.average import Average
from model.network.config import TowerTuning
from model.network.memefier import MemeNetwork
from model.network.text_tower import TextTower
from model.network.tuning import apply_tuning

SENTENCES = ["first words", "a much longer third text", "words"]


def varied(network: MemeNetwork, seed: int = 0) -> MemeNetwork:
    """Weights as after training: no two norms alike, which the exporter would make one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return network


def head_of(network: MemeNetwork, folder: Path, precision: Precision = "fp32") -> HeadWeights:
    folder.mkdir(exist_ok=True)
    if precision == "int8":
        round_weights_to_int8(network)
    export_head(network, folder / "head.onnx", precision)
    return HeadWeights.read(folder / "head.onnx")


def seen(tower: TextTower, tiny: TinyBundle) -> tuple[Tensor, Tensor]:
    texts = tiny.bundle.preprocessor.text_inputs(SENTENCES, [()] * len(SENTENCES))
    with torch.inference_mode():
        pooled, tokens = tower(torch.from_numpy(texts.input_ids), torch.from_numpy(texts.attention_mask))
    return pooled, tokens


@dataclass(frozen=True)
class Exported:
    network: MemeNetwork
    head: HeadWeights


@pytest.fixture(scope="module")
def exported(tiny: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    """A trained network, one whose norms are all alike yet, and one in int8 that has adapters and reads no tags."""
    adapted = tiny_network(knowledge=False)
    apply_tuning(adapted.text_tower, TowerTuning(mode="adapters", adapter_ratio=0.4))
    networks: dict[str, tuple[MemeNetwork, Precision]] = {
        "trained": (varied(tiny_network()), "fp32"),
        "int8": (varied(adapted), "int8"),
    }
    folder = tmp_path_factory.mktemp("heads")
    fresh = Exported(tiny.network, HeadWeights.read(tiny.bundle.file("head.onnx")))
    return {"fresh": fresh} | {
        kind: Exported(network, head_of(network, folder / kind, precision))
        for kind, (network, precision) in networks.items()
    }


@pytest.mark.parametrize("kind", ["trained", "fresh", "int8"])
def test_every_weight_of_a_head_is_found_again(exported: dict[str, Exported], kind: str) -> None:
    found = exported[kind].head.below("")
    for name, weights in exported[kind].network.named_parameters():
        assert torch.equal(found[name], weights), name


@pytest.mark.parametrize("kind", ["trained", "fresh", "int8"])
def test_a_restored_text_tower_says_of_sentences_what_the_network_s_does(
    tiny: TinyBundle, exported: dict[str, Exported], kind: str
) -> None:
    tower = restore_text_tower(exported[kind].head)
    for one, other in zip(seen(tower, tiny), seen(exported[kind].network.text_tower, tiny), strict=True):
        assert torch.equal(one, other)
        assert one.std() > 0.1


def test_the_tower_of_an_average_of_seeds_and_its_first_fusion_are_found(tmp_path: Path) -> None:
    networks = [varied(tiny_network(knowledge=False), seed) for seed in range(2)]
    head = head_of(Average(networks), tmp_path)
    first = networks[0].state_dict()
    for prefix in ("fusion.", "heads."):
        found = head.below(prefix)
        assert {prefix + name for name in found} == {name for name in first if name.startswith(prefix)}
        assert all(torch.equal(weights, first[prefix + name]) for name, weights in found.items())
    tower = restore_text_tower(head)
    assert all(torch.equal(one, first[f"text_tower.{name}"]) for name, one in tower.state_dict().items())


def test_a_head_says_of_which_network_it_is(exported: dict[str, Exported]) -> None:
    description = exported["int8"].head.description
    assert description.network == exported["int8"].network.config
    settings = {"num_attention_heads": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    assert description.text_tower == settings | {"adapter_ratio": 0.4}
    assert exported["trained"].head.description.text_tower == settings


def test_adapters_are_restored_with_their_ratio(exported: dict[str, Exported]) -> None:
    adapters = restore_text_tower(exported["int8"].head).adapters
    assert adapters is not None
    assert (adapters.pooled.ratio, adapters.tokens.ratio) == (0.4, 0.4)


def rewritten(head: HeadWeights, folder: Path, **changed: Any) -> HeadWeights:
    """The same graph that says something else of itself."""
    model = onnx.ModelProto()
    model.CopyFrom(head.model)
    (entry,) = (entry for entry in model.metadata_props if entry.key == "memeguard.network")
    entry.value = json.dumps(json.loads(entry.value) | changed)
    onnx.save(model, folder / "head.onnx")
    return HeadWeights.read(folder / "head.onnx")


def test_a_tower_that_disagrees_with_the_graph_is_refused(exported: dict[str, Exported], tmp_path: Path) -> None:
    head = exported["trained"].head
    said = {**(head.description.text_tower or {}), "layer_norm_eps": 1.0}
    with pytest.raises(BundleError, match="restored text tower differs from the graph's"):
        restore_text_tower(rewritten(head, tmp_path, text_tower=said))


def test_a_tower_of_another_kind_and_one_that_lacks_a_weight_are_refused(
    exported: dict[str, Exported], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="its text tower is no BERT"):
        restore_text_tower(rewritten(exported["trained"].head, tmp_path, text_tower=None))
    with pytest.raises(BundleError, match=r"cannot be restored: .*(\n.*)*query\.weight"):
        restore_text_tower(rewritten(exported["int8"].head, tmp_path, found_at={}))


def test_a_tower_whose_adapters_are_not_described_is_refused(exported: dict[str, Exported], tmp_path: Path) -> None:
    head = exported["int8"].head
    said = {name: value for name, value in (head.description.text_tower or {}).items() if name != "adapter_ratio"}
    with pytest.raises(BundleError, match="does not say how its text tower is adapted"):
        restore_text_tower(rewritten(head, tmp_path, text_tower=said))


def test_the_text_tower_of_the_bundle_that_ships_is_restored_and_held_to_its_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    head = HeadWeights.read(COMPACT_BUNDLE / "head.onnx")
    tower = restore_text_tower(head)
    assert (tower.pooled_width, tower.vocab_size) == (384, 30522)
    table = head.below("text_tower.bert.embeddings.word_embeddings.")["weight"].numpy()
    assert np.isfinite(table).all()
    monkeypatch.setattr(restore_module, "TOKEN_PARITY_LIMIT", 0.0)
    with pytest.raises(BundleError, match="differs from the graph's by"):
        restore_text_tower(head)


def test_a_bundle_that_is_written_and_opened_has_a_tower_to_start_from(
    exported: dict[str, Exported], tiny: TinyBundle, tmp_path: Path
) -> None:
    made, head = exported["int8"], tiny.parts.head.model_copy(update={"precision": "int8"})
    bundle = tiny.written_anew(tmp_path / "bundle", head_path=made.head.path, head=head)
    tower = restore_text_tower(HeadWeights.read(bundle.file(bundle.manifest.head.file)))
    expected = made.network.text_tower.state_dict()
    assert all(torch.equal(weights, expected[name]) for name, weights in tower.state_dict().items())
