from typing import Any

import pytest
import torch
from open_clip.model import CustomTextCLIP
from timm.models import VisionTransformer as TimmVisionTransformer

from model.network.image_tower import OpenClipImageTower

TEXT = {"context_length": 9, "vocab_size": 40, "width": 8, "heads": 2, "layers": 1}
VIT = {"image_size": 16, "patch_size": 8, "width": 8, "head_width": 4, "layers": 2}


def clip(vision: dict[str, Any]) -> CustomTextCLIP:
    torch.manual_seed(0)
    return CustomTextCLIP(embed_dim=6, vision_cfg=vision, text_cfg=TEXT).eval()


@torch.no_grad()
def test_tower_gives_the_models_own_embedding_and_its_tokens_class_token_first() -> None:
    model, pixels = clip(VIT), torch.randn(2, 3, 16, 16)
    tower = OpenClipImageTower(model.visual, side_px=16)
    embeds, patches = tower(pixels)
    assert (tower.pooled_width, tower.patch_width) == (6, 8)
    torch.testing.assert_close(embeds, model.encode_image(pixels))
    # The embedding of this model is its class token, projected.
    assert patches.shape == (2, 1 + 4, 8)
    torch.testing.assert_close(patches[:, 0] @ model.visual.proj, embeds)


@torch.no_grad()
def test_tower_reads_timms_vits_which_may_have_no_class_token() -> None:
    model, pixels = (
        clip({"image_size": 32, "timm_model_name": "test_vit", "timm_proj": "none"}),
        torch.randn(2, 3, 32, 32),
    )
    # As SigLIP's, but small.
    model.visual.trunk = TimmVisionTransformer(
        32, patch_size=16, embed_dim=12, depth=2, num_heads=2, class_token=False, global_pool="map", num_classes=0
    ).eval()
    embeds, patches = OpenClipImageTower(model.visual, side_px=32)(pixels)
    torch.testing.assert_close(embeds, model.encode_image(pixels))
    assert patches.shape == (2, 4, 12)


@pytest.mark.parametrize(
    ("vision", "found"),
    [
        ({"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 4}, "ModifiedResNet"),
        (VIT | {"attentional_pool": True, "attn_pooler_heads": 2}, "VisionTransformer"),
    ],
)
def test_a_tower_without_patch_tokens_is_refused(vision: dict[str, Any], found: str) -> None:
    with pytest.raises(ValueError, match=rf"{found} \(with this pooling\) gives no patch tokens"):
        OpenClipImageTower(clip(vision).visual, side_px=32)
