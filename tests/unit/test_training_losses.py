import math

import pytest
import torch

from model.taxonomy import tasks_named
from training.losses import ABSENT, multi_task_loss

HATEFUL = tasks_named(["hateful"])
BOTH = tasks_named(["hateful", "memotion_sentiment"])


def softplus(value: float) -> float:
    return math.log1p(math.exp(value))


def test_binary_loss_is_the_mean_cross_entropy() -> None:
    loss = multi_task_loss((torch.tensor([[2.0], [-1.0]]),), torch.tensor([[1], [1]]), HATEFUL)
    assert float(loss) == pytest.approx((softplus(-2) + softplus(1)) / 2)


def test_multiclass_loss_is_the_softmax_cross_entropy() -> None:
    logits = torch.tensor([[0.0, math.log(2), math.log(5)]])
    loss = multi_task_loss((logits,), torch.tensor([[1]]), tasks_named(["memotion_sentiment"]))
    assert float(loss) == pytest.approx(-math.log(2 / 8), rel=1e-6)


def test_absent_labels_have_no_say_and_do_not_thin_the_mean() -> None:
    logits = (torch.tensor([[2.0], [9.0]]), torch.tensor([[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]))
    labels = torch.tensor([[1, ABSENT], [ABSENT, 2]])
    assert float(multi_task_loss(logits, labels, BOTH)) == pytest.approx((softplus(-2) + math.log(3)) / 2)


def test_absent_labels_send_no_gradient() -> None:
    logits = torch.tensor([[2.0], [9.0]], requires_grad=True)
    multi_task_loss((logits,), torch.tensor([[1], [ABSENT]]), HATEFUL).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] != 0
    assert logits.grad[1, 0] == 0


def test_a_batch_without_labels_has_a_loss_and_a_gradient_of_zero() -> None:
    logits = torch.tensor([[2.0]], requires_grad=True)
    loss = multi_task_loss((logits,), torch.tensor([[ABSENT]]), HATEFUL)
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert float(logits.grad) == 0


def test_label_smoothing_moves_targets_towards_even_odds() -> None:
    smoothed = multi_task_loss((torch.tensor([[2.0]]),), torch.tensor([[1]]), HATEFUL, label_smoothing=0.2)
    assert float(smoothed) == pytest.approx(0.9 * softplus(-2) + 0.1 * softplus(2))
    even = multi_task_loss(
        (torch.tensor([[0.0, 0.0, 3.0]]),),
        torch.tensor([[2]]),
        tasks_named(["memotion_sentiment"]),
        label_smoothing=0.3,
    )
    log_sum = math.log(2 + math.exp(3))
    assert float(even) == pytest.approx(0.8 * (log_sum - 3) + 0.2 * log_sum, rel=1e-5)


def test_a_multilabel_task_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'attack' is multilabel"):
        multi_task_loss((torch.zeros(1, 8),), torch.tensor([[0]]), tasks_named(["attack"]))
