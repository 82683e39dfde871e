from collections.abc import Callable
from typing import Any

import pytest
import torch
from open_clip.model import CustomTextCLIP
from open_clip.transformer import TextTransformer
from pydantic import ValidationError
from support.network_cases import VOCABULARY_SIZE, tiny_bert
from timm.models import VisionTransformer as TimmVisionTransformer
from torch import Tensor, nn

from model.network.adapters import ResidualAdapter
from model.network.config import TowerTuning
from model.network.image_tower import OpenClipImageTower
from model.network.text_tower import OpenClipTextTower
from model.network.tuning import Tower, apply_tuning

TEXT = {"context_length": 9, "vocab_size": VOCABULARY_SIZE, "width": 8, "heads": 2, "layers": 2}
VIT = {"image_size": 16, "patch_size": 8, "width": 8, "head_width": 4, "layers": 2}


def bert() -> Tower:
    return tiny_bert()


def clip_text() -> Tower:
    return OpenClipTextTower(TextTransformer(**TEXT, output_dim=6), pad_token_id=0)


def siglip_text() -> Tower:
    text = TextTransformer(**TEXT, output_dim=6, no_causal_mask=True, pool_type="last", proj_bias=True)
    return OpenClipTextTower(text, pad_token_id=0)


def clip_image() -> Tower:
    return OpenClipImageTower(CustomTextCLIP(embed_dim=6, vision_cfg=VIT, text_cfg=TEXT).visual, side_px=16)


def siglip_image() -> Tower:
    """As SigLIP's, but small: timm's ViT without a class token, pooled by attention."""
    settings = {"image_size": 16, "timm_model_name": "test_vit", "timm_proj": "none"}
    visual = CustomTextCLIP(embed_dim=6, vision_cfg=settings | {"image_size": 160}, text_cfg=TEXT).visual
    visual.trunk = TimmVisionTransformer(
        16, patch_size=8, embed_dim=12, depth=2, num_heads=2, class_token=False, global_pool="map", num_classes=0
    )
    return OpenClipImageTower(visual, side_px=16)


#: Each kind of tower: how it is made, the prefixes of what "the last layer" is, and a prefix of its embeddings.
KINDS: dict[str, tuple[Callable[[], Tower], tuple[str, ...], str]] = {
    "bert": (bert, ("bert.encoder.layer.1.",), "bert.embeddings."),
    "clip text": (
        clip_text,
        ("text.transformer.resblocks.1.", "text.ln_final.", "text.text_projection"),
        "text.token_embedding.",
    ),
    "siglip text": (
        siglip_text,
        ("text.transformer.resblocks.1.", "text.ln_final.", "text.text_projection."),
        "text.token_embedding.",
    ),
    "clip image": (
        clip_image,
        ("visual.transformer.resblocks.1.", "visual.ln_post.", "visual.proj"),
        "visual.positional_embedding",
    ),
    "siglip image": (
        siglip_image,
        ("visual.trunk.blocks.1.", "visual.trunk.norm.", "visual.trunk.attn_pool."),
        "visual.trunk.pos_embed",
    ),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    torch.manual_seed(0)
    return str(request.param)


def made(kind: str) -> Tower:
    return KINDS[kind][0]().eval()


def outputs(tower: nn.Module) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    if isinstance(tower, OpenClipImageTower):
        found = tower(torch.randn(2, 3, 16, 16, generator=generator))
    else:
        ids = torch.randint(1, VOCABULARY_SIZE, (2, 5), generator=generator)
        found = tower(ids, torch.ones_like(ids))
    pooled, tokens = found
    return pooled, tokens


def trained(tower: nn.Module) -> set[str]:
    return {name for name, parameter in tower.named_parameters() if parameter.requires_grad}


def changed_by_a_step(tower: nn.Module, parameters: list[nn.Parameter]) -> set[str]:
    """Names of everything in the state that a step of weight decay and gradients changes."""
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    pooled, tokens = outputs(tower)
    (pooled.square().sum() + tokens.pow(3).sum()).backward()
    torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.1).step()
    return {name for name, value in tower.state_dict().items() if not torch.equal(value, before[name])}


def test_a_frozen_tower_has_nothing_to_train(kind: str) -> None:
    tower = made(kind)
    assert apply_tuning(tower, TowerTuning()) == []
    assert trained(tower) == set()
    assert not outputs(tower)[0].requires_grad


def test_last_layers_are_the_last_blocks_and_what_stands_behind_them(kind: str) -> None:
    _, prefixes, embeddings = KINDS[kind]
    tower = made(kind)
    parameters = apply_tuning(tower, TowerTuning(mode="last_layers", n_layers=1))
    expected = {name for name, _ in tower.named_parameters() if name.startswith(prefixes)}
    assert all(any(name.startswith(prefix) for name in expected) for prefix in prefixes)
    assert trained(tower) == expected
    assert len(parameters) == len(expected)
    changed = changed_by_a_step(tower, parameters)
    assert changed <= expected
    assert any(name.startswith(prefixes[0]) for name in changed)
    assert not any(name.startswith(embeddings) for name in changed)


def test_all_blocks_may_be_last_layers_but_never_the_embeddings(kind: str) -> None:
    tower = made(kind)
    apply_tuning(tower, TowerTuning(mode="last_layers", n_layers=2))
    assert not any(name.startswith(KINDS[kind][2]) for name in trained(tower))


def test_full_trains_everything(kind: str) -> None:
    tower = made(kind)
    parameters = apply_tuning(tower, TowerTuning(mode="full"))
    assert len(parameters) == len(list(tower.parameters()))
    assert any(name.startswith(KINDS[kind][2]) for name in changed_by_a_step(tower, parameters))


def test_adapters_alone_are_trained_and_the_tower_itself_is_not(kind: str) -> None:
    tower = made(kind)
    names = set(tower.state_dict())
    parameters = apply_tuning(tower, TowerTuning(mode="adapters"))
    adapters = {f"adapters.{stream}.{part}.weight" for stream in ("pooled", "tokens") for part in ("down", "up")}
    assert trained(tower) == adapters
    assert set(tower.state_dict()) == names | adapters
    assert changed_by_a_step(tower, parameters) == adapters


def test_an_adapter_of_ratio_0_changes_nothing(kind: str) -> None:
    tower = made(kind)
    expected = outputs(tower)
    apply_tuning(tower, TowerTuning(mode="adapters", adapter_ratio=0.0))
    for found, plain in zip(outputs(tower), expected, strict=True):
        # Not bit by bit: torch attends by other kernels where no gradient is wanted.
        torch.testing.assert_close(found, plain, atol=1e-5, rtol=0)


def test_adapters_change_what_is_pooled_and_the_tokens(kind: str) -> None:
    tower = made(kind)
    expected = outputs(tower)
    apply_tuning(tower, TowerTuning(mode="adapters"))
    for found, plain in zip(outputs(tower), expected, strict=True):
        assert found.shape == plain.shape
        assert not torch.allclose(found, plain, atol=1e-3)


def test_an_adapter_blends_its_bottleneck_with_its_input() -> None:
    adapter = ResidualAdapter(width=4, ratio=0.2)
    with torch.no_grad():
        adapter.down.weight.copy_(torch.tensor([[1.0, 2.0, 0.0, 0.0]]))
        adapter.up.weight.copy_(torch.tensor([[1.0], [-1.0], [2.0], [0.0]]))
    # down: 1 + 2 = 3, ReLU 3; up: [3, -3, 6, 0], ReLU [3, 0, 6, 0]; .2 of it and .8 of [1, 1, 5, 5].
    found = adapter(torch.tensor([[1.0, 1.0, 5.0, 5.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.4, 0.8, 5.2, 4.0]]))
    # Below 0 the bottleneck is silent.
    torch.testing.assert_close(adapter(torch.tensor([[-1.0, 0.0, 5.0, 5.0]])), torch.tensor([[-0.8, 0.0, 4.0, 4.0]]))


def test_adapters_that_are_there_stay_when_a_tower_is_tuned_again() -> None:
    tower = made("clip text")
    (first, *_) = apply_tuning(tower, TowerTuning(mode="adapters"))
    assert apply_tuning(tower, TowerTuning(mode="frozen")) == []
    again = apply_tuning(tower, TowerTuning(mode="adapters", adapter_ratio=0.5))
    assert again[0] is first
    assert tower.adapters is not None
    assert tower.adapters.pooled.ratio == tower.adapters.tokens.ratio == 0.5
    apply_tuning(tower, TowerTuning(mode="last_layers", n_layers=1))
    assert {"adapters.pooled.up.weight", "text.ln_final.weight"} <= trained(tower)


def test_weights_of_a_tower_with_adapters_go_into_another_one() -> None:
    towers = [made("clip text"), made("clip text")]
    for tower in towers:
        apply_tuning(tower, TowerTuning(mode="adapters"))
    assert not torch.allclose(outputs(towers[0])[0], outputs(towers[1])[0], atol=1e-2)
    towers[1].load_state_dict(towers[0].state_dict())
    torch.testing.assert_close(outputs(towers[0])[0], outputs(towers[1])[0], atol=1e-5, rtol=0)


def test_a_tower_that_is_an_onnx_file_can_only_be_frozen() -> None:
    assert apply_tuning(None, TowerTuning()) == []
    for tuning in ({"mode": "adapters"}, {"mode": "full"}, {"mode": "last_layers", "n_layers": 1}):
        with pytest.raises(ValueError, match="is an ONNX file and cannot be tuned"):
            apply_tuning(None, TowerTuning(**tuning))


def test_more_layers_than_there_are_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="n_layers is 3, but this tower has 2 Transformer blocks"):
        apply_tuning(made(kind), TowerTuning(mode="last_layers", n_layers=3))


@pytest.mark.parametrize("tuning", [{"mode": "adapters"}, {"mode": "last_layers", "n_layers": 1}])
def test_a_foreign_tower_can_be_frozen_or_full_only(tuning: dict[str, Any]) -> None:
    tower = nn.Linear(2, 2)
    assert apply_tuning(tower, TowerTuning()) == []
    assert len(apply_tuning(tower, TowerTuning(mode="full"))) == 2
    with pytest.raises(ValueError, match="a tower of type Linear can only be 'frozen' or 'full'"):
        apply_tuning(tower, TowerTuning(**tuning))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "last_layers"}, "needs n_layers"),
        ({"mode": "last_layers", "n_layers": 0}, "greater than 0"),
        ({"mode": "adapters", "n_layers": 2}, "has no n_layers"),
        ({"mode": "adapters", "adapter_ratio": 1.5}, "less than or equal to 1"),
        ({"mode": "lora"}, "'frozen', 'adapters', 'last_layers', 'all_layers' or 'full'"),
        ({"mod": "full"}, "Extra inputs are not permitted"),
    ],
)
def test_a_tuning_that_cannot_be_says_why(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TowerTuning(**settings)
