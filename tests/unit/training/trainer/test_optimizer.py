import pytest
import torch
from support.tiny import tiny_network
from support.toy_training import PHASE, toy_learner
from torch import nn

from model.network.config import TowerTuning
from model.network.tuning import apply_tuning
from training.errors import ConfigError
from training.trainer.learner import Learner, LossConfig
from training.trainer.optimizer import frozen_by_rate, make_optimiser, rate_share, set_rates


def rates(optimiser: torch.optim.Optimizer) -> dict[str, float]:
    return {group["name"]: group["lr"] for group in optimiser.param_groups}


def test_fusion_and_each_tower_learn_at_their_own_rates() -> None:
    learner = toy_learner()
    config = PHASE.model_copy(update={"fusion_lr": 3e-3, "text_tower_lr": 2e-3, "image_tower_lr": 1e-3})
    optimiser = make_optimiser(learner, config)
    assert rates(optimiser) == {"fusion": 3e-3, "text_tower": 2e-3, "image_tower": 1e-3}
    grouped = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    assert len(grouped) == len({id(parameter) for parameter in grouped}) == len(list(learner.parameters()))


def test_a_tower_with_rate_zero_is_frozen_for_the_phase_and_no_longer() -> None:
    learner = toy_learner()
    assert learner.image_tower is not None
    frozen_before = next(learner.image_tower.parameters()).requires_grad_(False)
    config = PHASE.model_copy(update={"text_tower_lr": 0.0})
    with frozen_by_rate(learner, config):
        assert not any(parameter.requires_grad for parameter in learner.network.text_tower.parameters())
        assert rates(make_optimiser(learner, config)).keys() == {"fusion", "image_tower"}
    assert all(parameter.requires_grad for parameter in learner.network.text_tower.parameters())
    assert not frozen_before.requires_grad


def test_biases_and_norms_are_spared_weight_decay_when_asked() -> None:
    config = PHASE.model_copy(update={"weight_decay": 0.1, "decay_vectors": False})
    for group in make_optimiser(toy_learner(), config).param_groups:
        assert {parameter.ndim > 1 for parameter in group["params"]} == {group["weight_decay"] == 0.1}


def test_a_rate_for_a_tower_that_cannot_be_trained_is_refused() -> None:
    learner = Learner(tiny_network(), LossConfig())
    with pytest.raises(ConfigError, match=r"image_tower_lr is 0\.001, .* towers\.image\.mode"):
        make_optimiser(learner, PHASE)
    learner.network.text_tower.requires_grad_(False)
    with pytest.raises(ConfigError, match=r"text_tower_lr is 0\.001, .* towers\.text\.mode"):
        make_optimiser(learner, PHASE.model_copy(update={"image_tower_lr": 0.0}))


def test_token_tables_are_frozen_and_nothing_else_of_a_tower() -> None:
    tower = tiny_network().text_tower
    apply_tuning(tower, TowerTuning(mode="all_layers"))
    frozen = {name for name, parameter in tower.named_parameters() if not parameter.requires_grad}
    tables = {name for name, module in tower.named_modules() if isinstance(module, nn.Embedding)}
    assert frozen == {f"{name}.weight" for name in tables}


def test_rates_rise_over_a_tenth_of_the_steps_and_fall_to_zero() -> None:
    shares = [rate_share(PHASE, step, 20) for step in range(21)]
    assert shares[:3] == [0.5, 1.0, 1.0]
    assert shares[11] == pytest.approx(0.5)
    assert shares[20] == 0.0
    assert rate_share(PHASE, 0, 1) == 1.0


def test_the_paper_s_rate_falls_to_a_tenth_at_half_time() -> None:
    paper = PHASE.model_copy(update={"schedule": "tenth_at_half"})
    assert [rate_share(paper, step, 4) for step in range(4)] == [1.0, 1.0, 0.1, 0.1]
    optimiser = make_optimiser(toy_learner(), paper)
    set_rates(optimiser, paper, 3, 4)
    assert rates(optimiser) == {
        name: pytest.approx(0.1 * lr) for name, lr in rates(make_optimiser(toy_learner(), paper)).items()
    }
