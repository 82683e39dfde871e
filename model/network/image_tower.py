"""Image tower: pixels -> one pooled vector a picture, and one vector a patch."""

from typing import Any

import torch
from torch import Tensor

from model.network.adapters import AdaptableTower


class OpenClipImageTower(AdaptableTower):
    """The image tower of an open_clip ViT, its own or timm's (SigLIP); exported as the ``image_tower`` graph.

    Symbols: B pictures, S side in px, P patch tokens (the class token first, in the towers that have one), Di
    ``pooled_width``, Dp ``patch_width``.
    """

    def __init__(self, visual: Any, side_px: int) -> None:
        """``visual`` is the ``visual`` of an open_clip model; raises ``ValueError`` when it has no patch tokens."""
        super().__init__()
        if not _gives_patch_tokens(visual):
            found = type(getattr(visual, "trunk", visual)).__name__
            raise ValueError(
                f"an image tower of type {found} (with this pooling) gives no "
                "patch tokens, which the network needs; use ViT-B-32, ViT-L-14, ViT-B-16-SigLIP or the like"
            )
        self.visual = visual
        embeds, patches = self._measure(side_px)
        self.pooled_width, self.patch_width = embeds.shape[-1], patches.shape[-1]

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """``pixel_values`` float32 [B, 3, S, S] -> image_embeds [B, Di], patch_tokens [B, P, Dp].

        The embeddings are those of ``encode_image``, not normalised; the tokens are the last layer's, after its norm.
        """
        features = self.visual.forward_intermediates(
            pixel_values,
            indices=1,
            normalize_intermediates=True,
            output_fmt="NLC",
            output_extra_tokens=True,
        )
        patches: Tensor = features["image_intermediates"][-1]
        class_tokens = features.get("image_intermediates_prefix")
        if class_tokens is not None:
            patches = torch.cat([class_tokens[-1], patches], dim=1)
        return self.adapted(features["image_features"], patches)

    @torch.no_grad()
    def _measure(self, side_px: int) -> tuple[Tensor, Tensor]:
        """Outputs of a black picture: widths are asked of the tower, since its kinds keep them in different places."""
        outputs: tuple[Tensor, Tensor] = self(torch.zeros(1, 3, side_px, side_px))
        return outputs


def _gives_patch_tokens(visual: Any) -> bool:
    from open_clip.transformer import VisionTransformer  # noqa: PLC0415 - slow to import
    from timm.models import Eva  # noqa: PLC0415
    from timm.models import VisionTransformer as TimmVisionTransformer  # noqa: PLC0415

    if isinstance(visual, VisionTransformer):
        # CoCa's attentional pooling: the last norm fits what is pooled and not the patches.
        return visual.attn_pool is None
    return isinstance(getattr(visual, "trunk", None), TimmVisionTransformer | Eva)
