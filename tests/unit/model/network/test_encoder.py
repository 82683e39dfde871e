import pytest
import torch
from torch import nn

from model.network.encoder import Encoder, EncoderLayer


def twin_layers(norm_first: bool, dropout: float = 0.0) -> tuple[EncoderLayer, nn.TransformerEncoderLayer]:
    torch.manual_seed(0)
    ours = EncoderLayer(width=12, heads=3, ff_width=20, dropout=dropout, norm_first=norm_first)
    theirs = nn.TransformerEncoderLayer(12, 3, 20, dropout, batch_first=True, norm_first=norm_first)
    pairs = {
        "self_attn.in_proj_": ours.qkv,
        "self_attn.out_proj.": ours.attention_out,
        "linear1.": ours.ff_in,
        "linear2.": ours.ff_out,
        "norm1.": ours.attention_norm,
        "norm2.": ours.ff_norm,
    }
    for layer in pairs.values():
        nn.init.normal_(layer.get_parameter("weight"))
        nn.init.normal_(layer.get_parameter("bias"))
    theirs.load_state_dict({prefix + kind: getattr(ours_, kind) for prefix, ours_ in pairs.items() for kind in _KINDS})
    return ours, theirs


_KINDS = ("weight", "bias")


@pytest.mark.parametrize("norm_first", [False, True])
def test_layer_computes_what_torchs_own_layer_computes(norm_first: bool) -> None:
    ours, theirs = twin_layers(norm_first)
    tokens = torch.randn(2, 7, 12)
    mask = torch.tensor([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]], dtype=torch.bool)
    # In training mode, since in evaluation torch's layer leaves for its fused kernel.
    theirs.train()
    expected = theirs(tokens, src_key_padding_mask=~mask)
    torch.testing.assert_close(ours(tokens, mask)[mask], expected[mask], atol=1e-5, rtol=1e-5)


def test_dropout_acts_in_training_and_not_in_evaluation() -> None:
    layer = EncoderLayer(width=12, heads=3, ff_width=20, dropout=0.5, norm_first=False)
    tokens, mask = torch.randn(2, 7, 12), torch.ones(2, 7, dtype=torch.bool)
    layer.train()
    assert not torch.equal(layer(tokens, mask), layer(tokens, mask))
    layer.eval()
    assert torch.equal(layer(tokens, mask), layer(tokens, mask))


def test_cls_of_a_row_without_tokens_is_finite_and_ignores_what_stands_there() -> None:
    encoder = Encoder(width=12, layers=2, heads=3, ff_width=20, dropout=0.0, norm_first=True).eval()
    mask = torch.zeros(2, 4, dtype=torch.bool)
    cls, tokens = encoder(torch.randn(2, 4, 12), mask)
    assert tokens.shape == (2, 4, 12)
    assert torch.isfinite(cls).all()
    torch.testing.assert_close(cls[0], cls[1])


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_cls_alone_is_the_cls_of_all_tokens(norm_first: bool, layers: int) -> None:
    torch.manual_seed(0)
    encoder = Encoder(width=12, layers=layers, heads=3, ff_width=20, dropout=0.5, norm_first=norm_first).eval()
    for parameter in encoder.parameters():  # biases and norms that do nothing would hide mistakes
        nn.init.normal_(parameter)
    tokens = torch.randn(4, 7, 12)
    mask = torch.arange(7)[None] < torch.tensor([7, 3, 1, 0])[:, None]
    expected, _ = encoder(tokens, mask)
    torch.testing.assert_close(encoder.cls(tokens, mask), expected, atol=2e-5, rtol=1e-5)
