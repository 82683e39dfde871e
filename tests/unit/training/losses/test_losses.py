import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from model.taxonomy import tasks_named
from training.datasets.base import ABSENT
from training.losses.contrastive import PooledView, n_modal_contrastive_loss, projected_contrastive_loss
from training.losses.margin import with_margin
from training.losses.multi_task import multi_task_loss
from training.losses.retrieval import RetrievalMemory, retrieval_loss

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


def test_the_target_is_the_label_and_the_teachers_word_by_weight() -> None:
    logits, soft = torch.tensor([[2.0], [2.0]]), torch.tensor([[0.2], [float("nan")]])
    loss = multi_task_loss(
        (logits,), torch.tensor([[1], [1]]), HATEFUL, soft_labels=soft, distillation_weight=0.75, label_smoothing=0.1
    )
    targets = (0.25 * 0.95 + 0.75 * 0.2, 0.95)  # the teacher says nothing of the second
    expected = sum(target * softplus(-2) + (1 - target) * softplus(2) for target in targets) / 2
    assert float(loss) == pytest.approx(expected)


def test_a_label_weighs_what_its_sample_does_in_every_task() -> None:
    logits = (torch.tensor([[2.0], [-1.0]]), torch.zeros(2, 3))
    labels, weights = torch.tensor([[1, ABSENT], [1, 2]]), torch.tensor([1.0, 0.25])
    expected = (softplus(-2) + 0.25 * softplus(1) + 0.25 * math.log(3)) / 1.5
    assert float(multi_task_loss(logits, labels, BOTH, weights=weights)) == pytest.approx(expected)
    tiny = multi_task_loss((logits[0][:1],), labels[:1, :1], HATEFUL, weights=torch.tensor([0.1]))
    assert float(tiny) == pytest.approx(softplus(-2))  # alone in its batch, it is all there is


@given(st.lists(st.sampled_from([ABSENT, 0, 1]), min_size=1, max_size=6), st.floats(0.1, 8))
def test_equal_weights_and_certain_labels_change_nothing(found: list[int], weight: float) -> None:
    torch.manual_seed(len(found))
    logits, labels = torch.randn(len(found), 1), torch.tensor(found)[:, None]
    plain = multi_task_loss((logits,), labels, HATEFUL, label_smoothing=0.1)
    weights, noise = torch.full((len(found),), weight), torch.zeros(len(found), 1)
    weighted = multi_task_loss((logits,), labels, HATEFUL, label_smoothing=0.1, weights=weights, label_noise=noise)
    assert float(weighted) == pytest.approx(float(plain), rel=1e-5)


def test_a_noisy_label_is_softened_before_smoothing_and_before_the_teacher() -> None:
    logits, labels = torch.tensor([[2.0], [2.0], [2.0]]), torch.tensor([[1], [0], [0]])
    noise, soft = torch.tensor([[0.2], [0.1], [0.0]]), torch.tensor([[0.5], [float("nan")], [float("nan")]])
    loss = multi_task_loss(
        (logits,), labels, HATEFUL, label_noise=noise, label_smoothing=0.1, soft_labels=soft, distillation_weight=0.5
    )
    targets = (0.5 * (0.9 * 0.8 + 0.05) + 0.5 * 0.5, 0.9 * 0.1 + 0.05, 0.05)
    expected = sum(target * softplus(-2) + (1 - target) * softplus(2) for target in targets) / 3
    assert float(loss) == pytest.approx(expected)


def test_a_teacher_gives_no_label_to_what_has_none() -> None:
    loss = multi_task_loss(
        (torch.tensor([[2.0]]),),
        torch.tensor([[ABSENT]]),
        HATEFUL,
        soft_labels=torch.tensor([[0.9]]),
        distillation_weight=1.0,
    )
    assert float(loss) == 0.0


def test_a_label_set_weighs_as_one_label_the_mean_over_its_known_classes() -> None:
    tasks = tasks_named(["hateful", "protected_class"])
    logits = (torch.tensor([[2.0], [9.0]]), torch.tensor([[0.0] * 6, [2.0, -1.0, 7.0, 7.0, 7.0, 7.0]]))
    absent_row, partly_known = [ABSENT] * 6, [1.0, 0.0, ABSENT, ABSENT, ABSENT, ABSENT]
    label_sets = {"protected_class": torch.tensor([absent_row, partly_known])}
    loss = multi_task_loss(logits, torch.tensor([[1, ABSENT], [ABSENT, ABSENT]]), tasks, label_sets=label_sets)
    of_the_set = (softplus(-2) + softplus(-1)) / 2
    assert float(loss) == pytest.approx((softplus(-2) + of_the_set) / 2)


def test_absent_label_sets_send_no_gradient() -> None:
    logits = torch.zeros(2, 6, requires_grad=True)
    label_sets = {"protected_class": torch.tensor([[ABSENT] * 6, [1.0, ABSENT, 0.0, 0.0, 0.0, 0.0]])}
    labels = torch.full((2, 1), ABSENT)
    multi_task_loss((logits,), labels, tasks_named(["protected_class"]), label_sets=label_sets).backward()
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [[False] * 6, [True, False, True, True, True, True]]


def test_a_multilabel_task_without_label_sets_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'attack' is multilabel"):
        multi_task_loss((torch.zeros(1, 8),), torch.tensor([[0]]), tasks_named(["attack"]))


def test_the_margin_makes_the_loss_am_softmax_for_many_classes() -> None:
    scale, margin = 10.0, 0.35
    logits = scale * torch.tensor([[0.5, 0.2, -0.1], [0.5, 0.2, -0.1]])
    labels, task = torch.tensor([[0], [ABSENT]]), tasks_named(["memotion_sentiment"])
    (moved,) = with_margin((logits,), labels, task, scale * margin)
    expected = math.log(math.exp(1.5) + math.exp(2) + math.exp(-1)) - 1.5
    assert float(multi_task_loss((moved,), labels, task)) == pytest.approx(expected, rel=1e-5)
    assert torch.equal(moved[1], logits[1])


def test_the_margin_makes_the_loss_am_softmax_over_the_two_classes_of_a_binary_task() -> None:
    scale, margin, cos_negative, cos_positive = 10.0, 0.35, 0.1, 0.7
    logit = torch.tensor([[scale * (cos_positive - cos_negative)]])

    def loss(label: int) -> float:
        labels = torch.tensor([[label]])
        return float(multi_task_loss(with_margin((logit,), labels, HATEFUL, scale * margin), labels, HATEFUL))

    assert loss(1) == pytest.approx(math.log(math.exp(1) + math.exp(3.5)) - 3.5, rel=1e-5)
    assert loss(0) == pytest.approx(math.log(math.exp(-2.5) + math.exp(7)) + 2.5, rel=1e-5)
    assert with_margin((logit,), torch.tensor([[ABSENT]]), HATEFUL, 3.5)[0].item() == pytest.approx(6)


def test_the_margin_is_against_each_known_class_of_a_label_set() -> None:
    label_sets = {"protected_class": torch.tensor([[1.0, 0.0, ABSENT, 0.0, 0.0, 0.0]])}
    task = tasks_named(["protected_class"])
    (moved,) = with_margin((torch.full((1, 6), 2.0),), torch.tensor([[ABSENT]]), task, 3.5, label_sets)
    assert moved.tolist() == [[-1.5, 5.5, 2.0, 5.5, 5.5, 5.5]]


FIRST, SECOND, THIRD = ([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.6, 0.8]], [[0.8, 0.6], [0.0, 1.0]])


def surprise(diagonal: float, *others: float) -> float:
    """Cross-entropy of a slice of the grid."""
    return math.log(sum(map(math.exp, (diagonal, *others)))) - diagonal


def test_two_modalities_give_the_loss_of_clip() -> None:
    loss = n_modal_contrastive_loss([torch.tensor(FIRST), torch.tensor(SECOND)], temperature=0.5)
    rows, columns = surprise(2, 1.2) + surprise(1.6, 0), surprise(2, 0) + surprise(1.6, 1.2)
    assert float(loss) == pytest.approx((rows + columns) / 4)


def test_any_pairs_give_the_symmetric_cross_entropy_of_clip() -> None:
    torch.manual_seed(0)
    images, texts = torch.randn(7, 5), torch.randn(7, 5)
    cosines = F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    expected = (
        F.cross_entropy(cosines / 0.07, torch.arange(7)) + F.cross_entropy(cosines.T / 0.07, torch.arange(7))
    ) / 2
    torch.testing.assert_close(n_modal_contrastive_loss([images, texts], 0.07), expected)


def test_three_modalities_are_contrasted_over_the_slices_of_a_cube() -> None:
    embeds = [torch.tensor(FIRST) * 3, torch.tensor(SECOND), torch.tensor(THIRD) * 0.1]
    # Worked out by hand: grid[0] = [[.8, 0], [.48, 0]] and grid[1] = [[0, 0], [.48, .8]].
    first_axis = surprise(0.8, 0, 0.48, 0) + surprise(0.8, 0, 0, 0.48)
    second_axis = surprise(0.8, 0, 0, 0) + surprise(0.8, 0.48, 0, 0.48)
    third_axis = surprise(0.8, 0.48, 0, 0.48) + surprise(0.8, 0, 0, 0)
    expected = (first_axis + second_axis + third_axis) / 6
    assert float(n_modal_contrastive_loss(embeds, temperature=1.0)) == pytest.approx(expected)


def test_the_order_of_modalities_does_not_matter() -> None:
    torch.manual_seed(0)
    embeds = [torch.randn(5, 4) for _ in range(4)]
    turned = n_modal_contrastive_loss(embeds[2:] + embeds[:2], 0.5)
    torch.testing.assert_close(n_modal_contrastive_loss(embeds, 0.5), turned)


@pytest.mark.parametrize("n_modalities", [2, 3])
def test_a_batch_whose_grid_would_be_too_large_is_split(n_modalities: int) -> None:
    torch.manual_seed(0)
    embeds = [torch.randn(4, 2) for _ in range(n_modalities)]
    halves = [n_modal_contrastive_loss([embed[at : at + 2] for embed in embeds], 0.5) for at in (0, 2)]
    split = n_modal_contrastive_loss(embeds, 0.5, max_cells=2**n_modalities)
    torch.testing.assert_close(split, (halves[0] + halves[1]) / 2)


def test_memes_that_lack_a_view_are_left_out_of_the_contrast() -> None:
    projections = nn.ModuleDict({"image": nn.Identity(), "text": nn.Identity()})
    stray = [[9.0, -9.0]]
    image = PooledView(torch.tensor([FIRST[0], *stray, FIRST[1], *stray]), torch.tensor([True, True, True, False]))
    text = PooledView(torch.tensor([SECOND[0], *stray, SECOND[1], *stray]), torch.tensor([True, False, True, True]))
    loss = projected_contrastive_loss(projections, {"image": image, "text": text}, 0.5)
    assert float(loss) == pytest.approx((surprise(2, 1.2) + surprise(1.6, 0) + surprise(2, 0) + surprise(1.6, 1.2)) / 4)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_fewer_than_two_memes_leave_a_contrast_and_a_gradient_of_zero(n_rows: int) -> None:
    embeds = [torch.ones(n_rows, 3, requires_grad=True) for _ in range(3)]
    loss = n_modal_contrastive_loss(embeds, 0.1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(embed.grad is not None and not embed.grad.any() for embed in embeds)


def test_one_modality_alone_cannot_be_contrasted() -> None:
    with pytest.raises(ValueError, match="needs two modalities or more, got 1"):
        n_modal_contrastive_loss([torch.ones(2, 3)], 0.1)


MEMORY = RetrievalMemory.of(
    torch.tensor([[5.0, 0.0], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0], [0.96, 0.28]]), torch.tensor([1, 1, 0, 0, ABSENT])
)
QUERIES, QUERY_LABELS, QUERY_ROWS = torch.tensor([[2.0, 0.0], [0.84, 2.88]]), torch.tensor([1, 0]), torch.tensor([0, 3])


def test_retrieval_pulls_to_the_nearest_of_the_label_and_pushes_from_the_other() -> None:
    loss = retrieval_loss(QUERIES, QUERY_LABELS, QUERY_ROWS, MEMORY)
    # The first meme: positive .6 (not itself), hard negative .8, in-batch negative .28; the second: .8, .936, .28.
    assert float(loss) == pytest.approx((surprise(0.6, 0.8, 0.28) + surprise(0.8, 0.936, 0.28)) / 2)


def test_more_hard_negatives_and_a_temperature_sharpen_the_contrast() -> None:
    loss = retrieval_loss(QUERIES, QUERY_LABELS, QUERY_ROWS, MEMORY, n_hard_negatives=9, temperature=0.5)
    first, second = surprise(1.2, 1.6, 0, 0.56), surprise(1.6, 1.872, 0.56, 0.56)
    assert float(loss) == pytest.approx((first + second) / 2)


def test_each_positive_is_contrasted_by_itself() -> None:
    vectors = torch.cat([MEMORY.vectors, torch.tensor([[0.28, 0.96]])])
    memory = RetrievalMemory(vectors, torch.tensor([1, 1, 0, 0, ABSENT, 1]))
    loss = retrieval_loss(QUERIES[:1], QUERY_LABELS[:1], QUERY_ROWS[:1], memory, n_positives=2)
    assert float(loss) == pytest.approx((surprise(0.6, 0.8) + surprise(0.28, 0.8)) / 2)


def test_memes_without_label_or_positive_have_no_part_in_retrieval() -> None:
    labels, rows = torch.tensor([1, ABSENT]), torch.tensor([0, 4])
    alone = retrieval_loss(QUERIES[:1], labels[:1], rows[:1], MEMORY)
    torch.testing.assert_close(retrieval_loss(QUERIES, labels, rows, MEMORY), alone)
    only_itself = RetrievalMemory(MEMORY.vectors[[0, 2]], torch.tensor([1, 0]))
    queries = QUERIES.clone().requires_grad_()
    loss = retrieval_loss(queries, QUERY_LABELS, torch.tensor([0, 1]), only_itself)
    loss.backward()
    assert float(loss.detach()) == 0
    assert queries.grad is not None
    assert not queries.grad.any()


def test_retrieval_sends_its_gradient_into_the_batch_alone() -> None:
    remembered = MEMORY.vectors.clone().requires_grad_()
    queries = QUERIES.clone().requires_grad_()
    retrieval_loss(queries, QUERY_LABELS, QUERY_ROWS, RetrievalMemory.of(remembered, MEMORY.labels)).backward()
    assert queries.grad is not None
    assert queries.grad.any(dim=1).tolist() == [True, True]
    assert remembered.grad is None
