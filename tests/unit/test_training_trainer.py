from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import TinyBundle, tiny_network, tower_spec

from model.network.memefier import MemeFier
from model.preprocess import Preprocessor
from training.datasets import Sample
from training.errors import ConfigError
from training.examples import BOTH, Examples, Modalities
from training.features import FrozenTower
from training.learner import Learner, LossConfig
from training.optimiser import freeze_token_tables
from training.trainer import EpochResult, PhaseConfig, dev_auroc, predict, train_phase

NO_DROPOUT = {"projection_dropout": 0.0, "encoder_dropout": 0.0, "head_dropout": 0.0}
PHASE = PhaseConfig(epochs=4, batch_size=8, text_tower_lr=0.0, fusion_lr=5e-3, precision="fp32")
Maker = Callable[[int, bool], Examples]


def network() -> MemeFier:
    return tiny_network(tasks=("hateful", "memotion_sentiment"), **NO_DROPOUT)


def fit(net: MemeFier, train: Examples, dev: Examples, config: PhaseConfig, seed: int = 0) -> list[EpochResult]:
    return train_phase(Learner(net, LossConfig()), train, dev, config, seed=seed)


@pytest.fixture
def examples(tiny: TinyBundle, tmp_path: Path) -> Maker:
    """Makes n samples of text, every second one with a picture if asked for; hateful are those with an "x"."""
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    tower = FrozenTower(tiny.parts.image_tower_path, tower_spec(), preprocessor, tmp_path, threads=1)

    def make(n: int, with_pictures: bool) -> Examples:
        rng = np.random.default_rng(n)
        samples = []
        for place in range(n):
            path = tmp_path / f"{place % 4}.png"
            picture(place % 4).save(path)
            letters = "".join(rng.choice(list("abcd"), 1 + place % 5)) + ("x" if place % 2 else "z")
            shown = path if with_pictures and place % 4 < 2 else None
            samples.append(Sample(str(place), "toy", "train", " ".join(letters), {"hateful": place % 2}, shown))
        return Examples(samples, network().config.task_list, preprocessor, tower)

    return make


def test_a_network_learns_what_can_be_learnt_and_its_best_epoch_is_kept(examples: Maker) -> None:
    net, train, dev = network(), examples(96, True), examples(40, True)
    history = fit(net, train, dev, PHASE)
    best = max(result.dev["hateful"] for result in history)
    assert best > 0.95
    assert dev_auroc(net, dev, BOTH) == {"hateful": pytest.approx(best, abs=1e-4)}
    assert [result.epoch for result in history] == [1, 2, 3, 4]


def test_the_best_epoch_is_restored_when_later_ones_are_worse(examples: Maker) -> None:
    train, dev = examples(64, False), examples(40, False)
    wild = PHASE.model_copy(update={"fusion_lr": 0.5, "epochs": 5})
    net = network()
    history = fit(net, train, dev, wild)
    aurocs = [result.dev["hateful"] for result in history]
    assert len(set(aurocs)) > 1
    assert dev_auroc(net, dev, BOTH)["hateful"] == pytest.approx(max(aurocs), abs=1e-4)


def test_a_text_tower_with_rate_zero_stays_as_it_was(examples: Maker) -> None:
    net = network()
    before = {name: values.clone() for name, values in net.state_dict().items()}
    fit(net, examples(24, True), examples(8, True), PHASE.model_copy(update={"epochs": 1}))
    moved = {name for name, values in net.state_dict().items() if not torch.equal(values, before[name])}
    assert "heads.linears.hateful.weight" in moved
    assert not any(name.startswith("text_tower.") for name in moved)


def test_a_tuned_text_tower_keeps_its_token_tables(examples: Maker) -> None:
    net = network()
    freeze_token_tables(net.text_tower)
    before = {name: values.clone() for name, values in net.state_dict().items()}
    tuned = PHASE.model_copy(update={"epochs": 1, "text_tower_lr": 1e-3})
    fit(net, examples(24, False), examples(8, False), tuned)
    moved = {name for name, values in net.state_dict().items() if not torch.equal(values, before[name])}
    assert any(name.startswith("text_tower.bert.encoder") for name in moved)
    assert "text_tower.bert.embeddings.word_embeddings.weight" not in moved


def test_the_same_seed_gives_the_same_network(examples: Maker) -> None:
    config = PHASE.model_copy(update={"epochs": 1, "modality_dropout": 0.2})
    nets = [network(), network(), network()]
    for net, seed in zip(nets, (3, 3, 4), strict=True):
        fit(net, examples(24, True), examples(8, True), config, seed)
    weights = [net.state_dict()["heads.linears.hateful.weight"] for net in nets]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_predictions_come_in_the_order_of_the_samples(examples: Maker) -> None:
    net, data = network(), examples(37, True)
    together = predict(net, data)
    assert [logits.shape for logits in together] == [(37, 1), (37, 3)]
    for place in (0, 7, 36):
        with torch.inference_mode():
            alone = net(*data.batch([place], BOTH).inputs)
        assert np.abs(together[0][place] - alone[0].numpy()).max() < 1e-5


def test_a_text_only_twin_is_not_moved_by_pictures(examples: Maker) -> None:
    net, text_only = network(), Modalities(image=False)
    with_pictures, without = predict(net, examples(12, True), text_only), predict(net, examples(12, False), text_only)
    assert np.abs(with_pictures[0] - without[0]).max() < 1e-5


def test_a_dev_set_that_cannot_rank_the_task_is_refused_before_any_step(examples: Maker) -> None:
    net = network()
    before = net.state_dict()["heads.linears.hateful.weight"].clone()
    elsewhere = PHASE.model_copy(update={"select_on": "memotion_sentiment"})
    with pytest.raises(ConfigError, match=r"select_on is 'hateful'.* tasks that it can judge: none"):
        fit(net, examples(8, False), examples(1, False), PHASE)
    with pytest.raises(ConfigError, match=r"'memotion_sentiment'.* tasks that it can judge: hateful"):
        fit(net, examples(8, False), examples(8, False), elsewhere)
    assert torch.equal(net.state_dict()["heads.linears.hateful.weight"], before)


def test_bfloat16_training_learns_too(examples: Maker) -> None:
    config = PHASE.model_copy(update={"precision": "bf16"})
    history = fit(network(), examples(64, False), examples(20, False), config)
    assert max(result.dev["hateful"] for result in history) > 0.9


@pytest.mark.parametrize("change", [{"epochs": 0}, {"learning_rate": 1}, {"modality_dropout": 0.5}, {"fusion_lr": 0}])
def test_a_phase_that_cannot_be_run_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        PhaseConfig.model_validate(PHASE.model_dump() | change)
