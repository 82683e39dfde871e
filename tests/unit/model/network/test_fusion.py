import math

import pytest
import torch
from support.network_cases import IMAGE_WIDTH, PATCH_WIDTH, batch, tiny_config, tiny_network

from model.network.fusion import (
    FeatureWidths,
    Fusion,
    PooledProjection,
    TokenProjection,
    TowerFeatures,
    align,
    masked_mean,
)
from model.network.memefier import HeadInputs


def test_alignment_is_the_elementwise_product_with_the_other_modality() -> None:
    tokens = torch.tensor([[[1.0, 2.0, 0.0], [0.0, 4.0, 3.0]]])
    pooled = torch.tensor([[3.0, 2.0, -1.0]])
    torch.testing.assert_close(
        align(tokens, pooled, rescale=False), torch.tensor([[[3.0, 4.0, 0.0], [0.0, 8.0, -3.0]]])
    )


def test_rescaled_alignment_has_norm_one() -> None:
    aligned = align(torch.tensor([[[1.0, 2.0, 0.0]]]), torch.tensor([[3.0, 2.0, -1.0]]), rescale=True)
    torch.testing.assert_close(aligned, torch.tensor([[[0.6, 0.8, 0.0]]]))


def test_masked_mean_counts_present_tokens_only_and_is_zero_without_any() -> None:
    tokens = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]], [[7.0, 7.0], [7.0, 7.0], [7.0, 7.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    torch.testing.assert_close(masked_mean(tokens, mask), torch.tensor([[2.0, 4.0], [0.0, 0.0]]))


def test_token_projection_adds_its_type_before_the_norm() -> None:
    projection = TokenProjection(2, tiny_config(width=3, encoder_heads=1, input_norm=False)).eval()
    with torch.no_grad():
        projection.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        projection.linear.bias.zero_()
        assert projection.type_embedding is not None
        projection.type_embedding.copy_(torch.tensor([1.0, 0.0, -3.0]))
    # [1, 2, 3] + [1, 0, -3] = [2, 2, 0]
    half = 1 / math.sqrt(2)
    torch.testing.assert_close(projection(torch.tensor([[[1.0, 2.0]]])), torch.tensor([[[half, half, 0.0]]]))


def test_an_absent_modality_starts_by_leaving_the_other_ones_tokens_as_they_are() -> None:
    projection = PooledProjection(IMAGE_WIDTH, tiny_config())
    null = projection(torch.randn(1, IMAGE_WIDTH), torch.tensor([False]))
    tokens = torch.nn.functional.normalize(torch.randn(1, 4, 12), dim=-1)
    torch.testing.assert_close(align(tokens, null, rescale=True), tokens)


@pytest.mark.parametrize(
    ("switch", "parts"),
    [
        ({"stage1": False}, ("fusion.pooled_image.", "fusion.pooled_text.")),
        ({"stage2": False}, ("fusion.encoder.",)),
        ({"knowledge": False}, ("fusion.knowledge.",)),
        ({"type_embedding": False}, ("fusion.patches.type_embedding", "fusion.tokens.type_embedding")),
        ({"input_norm": False}, ("fusion.patches.norm.", "fusion.pooled_text.norm.")),
    ],
)
def test_a_part_that_is_switched_off_has_no_parameters(switch: dict[str, bool], parts: tuple[str, ...]) -> None:
    whole = [name for name, _ in tiny_network().named_parameters()]
    without = [name for name, _ in tiny_network(**switch).named_parameters()]
    assert all(any(name.startswith(part) for name in whole) for part in parts)
    assert not any(name.startswith(parts) for name in without)


def test_pooled_product_branch_widens_what_the_heads_read_and_keeps_the_pooled_projections() -> None:
    network = tiny_network(stage1=False, pooled_product=True)
    names = [name for name, _ in network.named_parameters()]
    assert any(name.startswith("fusion.pooled_image.") for name in names)
    assert network.fuse(**batch()).cls.shape == (3, 24)
    assert tiny_network().fuse(**batch()).cls.shape == (3, 12)


@pytest.mark.parametrize(
    "switch",
    [{"stage1": False}, {"stage1_rescale": False}, {"type_embedding": False}, {"input_norm": False}],
)
def test_each_switch_changes_what_the_network_says(switch: dict[str, bool]) -> None:
    whole, other = tiny_network(), tiny_network(**switch)
    other.load_state_dict(whole.state_dict(), strict=False)
    assert not torch.allclose(whole.fuse(**batch()).cls, other.fuse(**batch()).cls, atol=1e-4)


def test_without_stage_2_the_fused_vector_is_the_mean_of_the_present_tokens() -> None:
    network = tiny_network(stage1=False, stage2=False, knowledge=False)
    inputs = batch(n_rows=1)
    inputs["attention_mask"][:, 2:] = 0
    _, text_tokens = network.text_tower(inputs["input_ids"], inputs["attention_mask"])
    tokens = torch.cat([network.fusion.patches(inputs["patch_tokens"]), network.fusion.tokens(text_tokens)[:, :2]], 1)
    torch.testing.assert_close(network.fuse(**inputs).cls, tokens.mean(dim=1))


def test_fusion_gives_the_patches_that_the_caption_decoder_reads() -> None:
    inputs = batch()
    inputs["image_mask"][1] = 0
    fused = tiny_network().fuse(**inputs)
    assert fused.patches.shape == (3, 5, 12)
    assert fused.patch_mask.tolist() == [[True] * 5, [False] * 5, [True] * 5]


def test_missing_knowledge_features_are_reported() -> None:
    fusion = Fusion(tiny_config(), FeatureWidths(image=IMAGE_WIDTH, patch=PATCH_WIDTH, text=8, token=8))
    features = TowerFeatures(
        image_embeds=torch.randn(2, IMAGE_WIDTH),
        patch_tokens=torch.randn(2, 5, PATCH_WIDTH),
        image_mask=torch.ones(2, dtype=torch.bool),
        text_embeds=torch.randn(2, 8),
        text_tokens=torch.randn(2, 3, 8),
        token_mask=torch.ones(2, 3, dtype=torch.bool),
        tag_embeds=None,
        tag_mask=None,
    )
    with pytest.raises(ValueError, match="tag_embeds and tag_mask are needed"):
        fusion(features)


@pytest.mark.parametrize(
    "switch",
    [{}, {"stage2": False}, {"knowledge": False}, {"stage1": False}, {"pooled_product": True, "pooled_concat": True}],
)
def test_what_the_heads_read_is_the_same_without_the_patches(switch: dict[str, bool]) -> None:
    network, inputs = tiny_network(**switch), batch()
    inputs["image_mask"][1] = 0
    features = network.read(HeadInputs(**inputs))
    torch.testing.assert_close(network.fusion.cls(features), network.fusion(features).cls, atol=1e-6, rtol=1e-5)
