from dataclasses import replace

import numpy as np
import pytest
import torch
from support.toy_training import PHASE, toy_examples

from training.data.examples import BOTH, Examples
from training.trainer.loader import EpochSeed, MicroBatch, Rank, load_batches, plan_epoch

SEED = EpochSeed(3, "toy", 1)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return toy_examples(50, tmp_path_factory.mktemp("pictures"))


def test_an_epoch_can_be_replayed_and_others_differ(train: Examples) -> None:
    plan = plan_epoch(train, PHASE, SEED, Rank())
    assert plan_epoch(train, PHASE, SEED, Rank()) == plan
    others = [replace(SEED, epoch=2), replace(SEED, label="other"), replace(SEED, seed=4)]
    assert all(plan_epoch(train, PHASE, other, Rank()) != plan for other in others)


def test_processes_share_the_batches_of_one_process_and_weigh_them_equally(train: Examples) -> None:
    config = PHASE.model_copy(update={"gradient_accumulation": 2})
    alone = plan_epoch(train, PHASE, SEED, Rank())
    shares = [plan_epoch(train, config, SEED, Rank(process, 2)) for process in (0, 1)]
    places = [[item.place for share in shares for item in share[step] if item.weight] for step in range(len(shares[0]))]
    assert [sorted(step) for step in places] == [[0, 1, 2, 3], [4, 5, 6]]
    assert sorted(item for step in alone for item in step[0].indices) == list(range(50))
    assert [[len(step) for step in share] for share in shares] == [[2, 2], [2, 2]]
    # Four batches of a step weigh 2/4 each in processes that are averaged; of three, one process has an idle round.
    assert [[item.weight for item in step] for step in shares[0]] == [[0.5, 0.5], [2 / 3, 2 / 3]]
    assert [[item.weight for item in step] for step in shares[1]] == [[0.5, 0.5], [2 / 3, 0.0]]


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_that_threads_prepare_are_the_same_in_the_same_order(train: Examples, threads: int) -> None:
    config = PHASE.model_copy(update={"loading_threads": 0, "modality_dropout": 0.3})
    rounds = [item for step in plan_epoch(train, config, SEED, Rank()) for item in step]
    inline = list(load_batches(train, rounds, config, BOTH, SEED))
    threaded = load_batches(train, rounds, config.model_copy(update={"loading_threads": threads}), BOTH, SEED)
    for expected, batch in zip(inline, threaded, strict=True):
        assert torch.equal(batch.rows, expected.rows)
        assert all(torch.equal(a, b) for a, b in zip(batch.inputs, expected.inputs, strict=True))


def test_hidden_modalities_depend_on_the_place_of_the_batch_alone(train: Examples) -> None:
    config = PHASE.model_copy(update={"modality_dropout": 0.4})
    rounds = [MicroBatch(list(range(0, 48, 4)), place, 1.0) for place in range(4)]
    masks = [batch.inputs[2].tolist() for batch in load_batches(train, rounds, config, BOTH, SEED)]
    (again,) = load_batches(train, rounds[2:3], config, BOTH, SEED)
    assert again.inputs[2].tolist() == masks[2]
    assert len({tuple(mask) for mask in masks}) > 1


def test_an_error_in_a_thread_comes_out_where_the_batch_was_wanted(train: Examples) -> None:
    rounds = [MicroBatch([0], 0, 1.0), MicroBatch([1000], 1, 1.0)]
    batches = load_batches(train, rounds, PHASE, BOTH, SEED)
    assert next(batches).rows.tolist() == [0]
    with pytest.raises(IndexError):
        next(batches)


def test_torch_is_seeded_by_step_and_process() -> None:
    draws = []
    for step, process in ((0, 0), (0, 1), (1, 0), (0, 0)):
        SEED.seed_torch(step, process)
        draws.append(torch.rand(3).numpy())
    assert np.array_equal(draws[0], draws[3])
    assert not np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
