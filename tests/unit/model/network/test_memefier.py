import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.network_cases import VOCABULARY_SIZE, batch, logits, tiny_network
from torch import Tensor

VARIANTS = [
    {},
    {"stage1": False},
    {"stage2": False},
    {"knowledge": False},
    {"pooled_product": True, "norm_first": True},
    {"stage1": False, "stage2": False, "knowledge": False, "type_embedding": False},
]


def with_padding(inputs: dict[str, Tensor], tokens: int, tags: int, tag_tokens: int, fill: int) -> dict[str, Tensor]:
    """The same rows with masked places added at the end, holding the token ``fill``."""

    def pad(values: Tensor, last: int, tags_after: int, value: int) -> Tensor:
        amounts = (0, last) if values.dim() == 2 else (0, last, 0, tags_after)
        return torch.nn.functional.pad(values, amounts, value=value)

    return inputs | {
        "input_ids": pad(inputs["input_ids"], tokens, 0, fill),
        "attention_mask": pad(inputs["attention_mask"], tokens, 0, 0),
        "tag_ids": pad(inputs["tag_ids"], tag_tokens, tags, fill),
        "tag_mask": pad(inputs["tag_mask"], tag_tokens, tags, 0),
    }


def rows(inputs: dict[str, Tensor], *places: int) -> dict[str, Tensor]:
    return {name: values[list(places)] for name, values in inputs.items()}


def partial_batch() -> dict[str, Tensor]:
    """Rows with everything; without text; without picture; without tags; without anything."""
    inputs = batch(n_rows=5)
    inputs["attention_mask"][[1, 4]] = 0
    inputs["image_mask"][[2, 4]] = 0
    inputs["tag_mask"][[3, 4]] = 0
    return inputs


def test_logits_come_one_tensor_a_task_in_taxonomy_order() -> None:
    network = tiny_network(tasks=("attack", "memotion_sentiment", "hateful"))
    assert [tuple(task.shape) for task in network(**batch(n_rows=4))] == [(4, 1), (4, 3), (4, 8)]


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9), st.integers(0, 3), st.integers(0, 4), st.integers(0, VOCABULARY_SIZE - 1))
def test_padding_does_not_change_logits(
    variant: dict[str, bool], tokens: int, tags: int, tag_tokens: int, fill: int
) -> None:
    network, inputs = tiny_network(**variant), partial_batch()
    padded = with_padding(inputs, tokens, tags, tag_tokens, fill)
    torch.testing.assert_close(logits(network, padded), logits(network, inputs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_rows_logits_do_not_depend_on_the_other_rows(variant: dict[str, bool]) -> None:
    network, inputs = tiny_network(**variant), partial_batch()
    together = logits(network, inputs)
    alone = torch.cat([logits(network, rows(inputs, index)) for index in range(5)])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_without_picture_text_or_tags_get_finite_logits(variant: dict[str, bool]) -> None:
    assert torch.isfinite(logits(tiny_network(**variant), partial_batch())).all()


def test_an_absent_picture_is_not_read() -> None:
    network, inputs = tiny_network(pooled_product=True), batch()
    inputs["image_mask"][:] = 0
    other = inputs | {"image_embeds": inputs["image_embeds"] * -3, "patch_tokens": inputs["patch_tokens"] + 7}
    torch.testing.assert_close(logits(network, other), logits(network, inputs), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["image_embeds", "patch_tokens", "input_ids", "tag_ids"])
def test_every_input_that_is_present_is_read(name: str) -> None:
    network, inputs = tiny_network(), batch()
    changed = inputs | {name: inputs[name].flip(-1)}
    assert not torch.allclose(logits(network, changed), logits(network, inputs), atol=1e-4)


def test_tags_have_no_order_among_themselves() -> None:
    network, inputs = tiny_network(), batch(tags=3)
    swapped = inputs | {"tag_ids": inputs["tag_ids"].flip(1), "tag_mask": inputs["tag_mask"].flip(1)}
    torch.testing.assert_close(logits(network, swapped), logits(network, inputs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_reaches_every_parameter(variant: dict[str, bool]) -> None:
    network, inputs = tiny_network(**variant), partial_batch()
    # Squares, since the sum of a vector that leaves a LayerNorm is constant.
    sum(task.square().sum() for task in network(**inputs)).backward()
    untouched = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Softmax does not see what is added to every key: the gradient of that bias is zero but for rounding.
    assert [name for name in untouched if not name.endswith("key.bias")] == []
