import math

import pytest
import torch
from support.network_cases import batch, tiny_network

from model.network.caption import CaptionDecoder, caption_loss


def tiny_decoder() -> CaptionDecoder:
    torch.manual_seed(0)
    return CaptionDecoder("small", patch_width=12, vocab_size=20, max_tokens=8).eval()


def test_logits_at_a_place_do_not_depend_on_later_tokens() -> None:
    decoder, patches, mask = tiny_decoder(), torch.randn(1, 5, 12), torch.ones(1, 5, dtype=torch.bool)
    first, second = torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([[1, 2, 3, 9, 9]])
    logits, changed = decoder(patches, mask, first), decoder(patches, mask, second)
    assert logits.shape == (1, 5, 20)
    torch.testing.assert_close(changed[:, :3], logits[:, :3])
    assert not torch.allclose(changed[:, 3:], logits[:, 3:])


def test_decoder_reads_the_patches_that_are_there_and_no_others() -> None:
    decoder, patches, ids = tiny_decoder(), torch.randn(1, 5, 12), torch.tensor([[1, 2, 3]])
    mask = torch.tensor([[True, True, True, False, False]])
    logits = decoder(patches, mask, ids)
    hidden, shown = patches.clone(), patches.clone()
    hidden[:, 3:] += 5
    shown[:, :3] *= -1
    torch.testing.assert_close(decoder(hidden, mask, ids), logits)
    assert not torch.allclose(decoder(shown, mask, ids), logits)


def test_a_row_without_picture_gives_finite_logits() -> None:
    logits = tiny_decoder()(torch.randn(1, 5, 12), torch.zeros(1, 5, dtype=torch.bool), torch.tensor([[1, 2, 3]]))
    assert torch.isfinite(logits).all()


def test_caption_loss_is_the_mean_over_present_tokens_of_the_next_ones_surprise() -> None:
    ids, mask = torch.tensor([[0, 1, 1, 1]]), torch.tensor([[1, 1, 1, 0]])
    probabilities = torch.tensor([[[0.5, 0.5], [0.75, 0.25], [0.1, 0.9], [0.2, 0.8]]])
    expected = (math.log(2) + math.log(4)) / 2
    assert caption_loss(probabilities.log(), ids, mask).item() == pytest.approx(expected)


def test_caption_loss_of_a_batch_without_captions_is_zero_and_has_a_gradient() -> None:
    logits = torch.randn(2, 4, 20, requires_grad=True)
    loss = caption_loss(logits, torch.zeros(2, 4, dtype=torch.int64), torch.zeros(2, 4, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_caption_loss_trains_the_fusion() -> None:
    network = tiny_network()
    fused = network.fuse(**batch())
    ids = torch.randint(1, 20, (3, 6))
    caption_loss(tiny_decoder()(fused.patches, fused.patch_mask, ids), ids, torch.ones_like(ids)).backward()
    assert network.fusion.patches.linear.weight.grad is not None
    assert network.fusion.patches.linear.weight.grad.any()


def test_an_unknown_size_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="small, large"):
        CaptionDecoder("huge", patch_width=12, vocab_size=20, max_tokens=8)  # type: ignore[arg-type] # as above
