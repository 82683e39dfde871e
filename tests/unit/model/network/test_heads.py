import math
from pathlib import Path

import pytest
import torch
from support.network_cases import batch, tiny_config, tiny_network
from support.preparation import PREPROCESS
from support.tiny import PATCHES, export_both_ways
from support.tiny import tiny_network as exportable_network

from model.export import check_head_parity
from model.network.heads import TaskHeads

TASKS = ("hateful", "memotion_sentiment", "attack")


def heads_with(kind: str, **settings: float) -> TaskHeads:
    torch.manual_seed(0)
    return TaskHeads(tiny_config(tasks=TASKS, head=kind, **settings)).eval()


def set_weight(heads: TaskHeads, task: str, rows: list[list[float]]) -> None:
    weight = heads.linears[task].get_parameter("weight")
    with torch.no_grad():
        weight.zero_()
        weight[:, :2] = torch.tensor(rows)


def pointing(*values: float) -> torch.Tensor:
    """One fused vector [1, 12] whose first places are ``values``."""
    return torch.nn.functional.pad(torch.tensor([values]), (0, 12 - len(values)))


def test_a_cosine_head_gives_scaled_cosines_whatever_the_lengths() -> None:
    heads = heads_with("cosine", head_scale=10.0)
    set_weight(heads, "memotion_sentiment", [[5.0, 0.0], [0.0, 0.1], [-2.0, 2.0]])
    _, sentiment, _ = heads(pointing(0.6, 0.8) * 7)
    assert sentiment.tolist()[0] == pytest.approx([6.0, 8.0, 10 * 0.2 / math.sqrt(2)], rel=1e-5)


def test_a_binary_cosine_head_gives_one_logit_the_difference_of_two_cosines() -> None:
    heads = heads_with("cosine", head_scale=10.0)
    set_weight(heads, "hateful", [[3.0, 0.0], [0.0, 3.0]])
    hateful, _, _ = heads(pointing(0.6, 0.8))
    assert hateful.shape == (1, 1)
    assert hateful.item() == pytest.approx(10 * (0.8 - 0.6), rel=1e-5)


@pytest.mark.parametrize("kind", ["cosine", "am_softmax"])
def test_every_kind_of_head_gives_the_widths_of_the_taxonomy(kind: str) -> None:
    network = tiny_network(tasks=TASKS, head=kind)
    assert [tuple(task.shape) for task in network(**batch(n_rows=4))] == [(4, 1), (4, 3), (4, 8)]


def test_the_margin_is_no_part_of_the_network() -> None:
    inputs = batch()
    without, with_margin = (tiny_network(head=kind) for kind in ("cosine", "am_softmax"))
    without.train(), with_margin.train()
    torch.manual_seed(1)
    first = without(**inputs)
    torch.manual_seed(1)
    second = with_margin(**inputs)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_fused_vector_of_zeros_gives_finite_logits() -> None:
    assert all(torch.isfinite(task).all() for task in heads_with("cosine")(torch.zeros(1, 12)))


@pytest.mark.slow
def test_an_exported_cosine_head_gives_the_networks_logits(tmp_path: Path) -> None:
    # Wide enough for the matrix of the head to be packed: 8 classes x 512.
    network = exportable_network(tasks=TASKS, head="am_softmax", width=512)
    limits = {"max_text_tokens": PREPROCESS.max_text_tokens, "max_tags": PREPROCESS.max_tags}
    for precision, path in export_both_ways(network, tmp_path).items():
        report = check_head_parity(network, path, precision, **limits, patches=PATCHES)
        assert report.max_abs_logit_diff <= report.limit
