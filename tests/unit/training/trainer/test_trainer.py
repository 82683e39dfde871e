from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import f1_score, roc_auc_score
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import TinyBundle, tiny_network, tower_spec
from support.toy_training import PHASE as TOY_PHASE
from support.toy_training import toy_examples, toy_learner

from model.network.config import TowerTuning
from model.network.memefier import MemeFier
from model.network.tuning import apply_tuning
from model.preprocess import Preprocessor
from training.data.examples import BOTH, Examples, Modalities
from training.data.feature_cache import FrozenTower
from training.datasets import Sample
from training.errors import ConfigError
from training.trainer.learner import Learner, LossConfig
from training.trainer.precision import decide_precision
from training.trainer.trainer import EpochResult, PhaseConfig, dev_metrics, predict, train_phase

NO_DROPOUT: dict[str, Any] = {"projection_dropout": 0.0, "encoder_dropout": 0.0, "head_dropout": 0.0}
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


def test_a_long_text_is_predicted_by_the_highest_of_its_windows_as_the_service_judges_it(
    tiny: TinyBundle, tmp_path: Path
) -> None:
    preprocessor, net = Preprocessor(PREPROCESS, tokenizer_json()), network()
    tower = FrozenTower(tiny.parts.image_tower_path, tower_spec(), preprocessor, tmp_path, threads=1)
    text = " ".join("abcdxzbadcxabz" * 3)
    spans = preprocessor.windows(text).spans
    assert len(spans) > 3
    texts = [text, *(text[start:end] for start, end in spans), "a b"]
    samples = [Sample(str(at), "toy", "train", words, {"hateful": at % 2}) for at, words in enumerate(texts)]
    hateful, sentiment = predict(net, Examples(samples, net.config.task_list, preprocessor, tower))
    assert len(hateful) == len(texts)
    best = 1 + int(hateful[1:-1, 0].argmax())
    assert hateful[0] == pytest.approx(hateful[best], abs=1e-5)
    assert sentiment[0] == pytest.approx(sentiment[best], abs=1e-5)


def test_a_network_learns_what_can_be_learnt_and_its_best_epoch_is_kept(examples: Maker) -> None:
    net, train, dev = network(), examples(96, True), examples(40, True)
    history = fit(net, train, dev, PHASE)
    best = max(result.dev["hateful"] for result in history)
    assert best > 0.95
    assert dev_metrics(net, dev, BOTH) == {"hateful": pytest.approx(best, abs=1e-4)}
    assert [result.epoch for result in history] == [1, 2, 3, 4]


def test_the_best_epoch_is_restored_when_later_ones_are_worse(examples: Maker) -> None:
    train, dev = examples(64, False), examples(40, False)
    wild = PHASE.model_copy(update={"fusion_lr": 0.5, "epochs": 5})
    net = network()
    history = fit(net, train, dev, wild)
    aurocs = [result.dev["hateful"] for result in history]
    assert len(set(aurocs)) > 1
    assert dev_metrics(net, dev, BOTH)["hateful"] == pytest.approx(max(aurocs), abs=1e-4)


def test_the_last_epoch_is_kept_where_the_config_says_so_though_others_are_better(examples: Maker) -> None:
    train, dev = examples(64, False), examples(40, False)
    net = network()
    history = fit(net, train, dev, PHASE.model_copy(update={"fusion_lr": 0.5, "epochs": 5, "keep": "last"}))
    aurocs = [result.dev["hateful"] for result in history]
    assert aurocs[-1] < max(aurocs)  # or nothing is shown here
    assert dev_metrics(net, dev, BOTH)["hateful"] == pytest.approx(aurocs[-1], abs=1e-4)


def test_a_text_tower_with_rate_zero_stays_as_it_was(examples: Maker) -> None:
    net = network()
    before = {name: values.clone() for name, values in net.state_dict().items()}
    fit(net, examples(24, True), examples(8, True), PHASE.model_copy(update={"epochs": 1}))
    moved = {name for name, values in net.state_dict().items() if not torch.equal(values, before[name])}
    assert "heads.linears.hateful.weight" in moved
    assert not any(name.startswith("text_tower.") for name in moved)


def test_a_tuned_text_tower_keeps_its_token_tables(examples: Maker) -> None:
    net = network()
    apply_tuning(net.text_tower, TowerTuning(mode="all_layers"))
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


def test_automatic_precision_is_what_the_processor_has_arithmetic_for() -> None:
    cpu = torch.device("cpu")
    found = torch.cpu.get_capabilities()
    has_bf16 = any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    assert decide_precision("auto", cpu) == ("bf16" if has_bf16 else "fp32")
    assert decide_precision("auto", torch.device("meta")) == "fp32"
    assert decide_precision("bf16", cpu) == "bf16"
    assert decide_precision("fp32", cpu) == "fp32"


def test_training_stops_when_patience_runs_out(examples: Maker) -> None:
    wild = PHASE.model_copy(update={"fusion_lr": 0.5, "epochs": 30, "patience": 2})
    history = fit(network(), examples(32, False), examples(20, False), wild)
    aurocs = [result.dev["hateful"] for result in history]
    assert len(aurocs) == aurocs.index(max(aurocs)) + 3 < 30


def test_dev_metrics_are_those_of_each_kind_of_task(tmp_path: Path) -> None:
    learner, dev = toy_learner(), toy_examples(31, tmp_path)
    sentiment, hateful, protected = (
        next(place for place, task in enumerate(dev.tasks) if task.name == name)
        for name in ("memotion_sentiment", "hateful", "protected_class")
    )
    logits = predict(learner, dev)
    sets = dev.label_sets("protected_class")
    both = [label for label in range(sets.shape[1]) if 0 < sets[:, label].sum() < len(sets)]
    assert dev_metrics(learner, dev, BOTH) == pytest.approx(
        {
            "hateful": roc_auc_score(dev.labels(hateful), logits[hateful][:, 0]),
            "memotion_sentiment": f1_score(dev.labels(sentiment), logits[sentiment].argmax(1), average="macro"),
            "protected_class": np.mean([roc_auc_score(sets[:, c], logits[protected][:, c]) for c in both]),
        },
        abs=1e-4,
    )


@pytest.mark.parametrize("task", ["hateful", "memotion_sentiment", "protected_class"])
def test_an_epoch_can_be_chosen_by_a_task_of_any_kind(tmp_path: Path, task: str) -> None:
    learner, dev = toy_learner(), toy_examples(20, tmp_path)
    config = TOY_PHASE.model_copy(update={"epochs": 5, "select_on": task, "fusion_lr": 0.02})
    history = train_phase(learner, toy_examples(32, tmp_path), dev, config, seed=1)
    found = [result.dev for result in history]
    best = {name: max(found, key=lambda dev, name=name: dev[name]) for name in found[0]}  # type: ignore[misc]
    assert best["hateful"] not in (best["memotion_sentiment"], best["protected_class"])  # or nothing is shown here
    assert dev_metrics(learner, dev, BOTH)[task] == best[task][task]


class InOrder(Examples):
    """The same samples, always in the order of their places."""

    def __init__(self, examples: Examples) -> None:
        self.__dict__ = examples.__dict__

    def shuffled(self, batch_size: int, rng: np.random.Generator) -> Iterator[list[int]]:
        for at in range(0, len(self), batch_size):
            yield list(range(at, at + batch_size))


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path: Path) -> None:
    train, dev = toy_examples(16, tmp_path), toy_examples(8, tmp_path)
    logits = []
    for batch_size, accumulation in ((8, 1), (4, 2)):
        learner = toy_learner(dropout=False)
        config = TOY_PHASE.model_copy(
            update={"epochs": 1, "batch_size": batch_size, "gradient_accumulation": accumulation, "modality_dropout": 0}
        )
        train_phase(learner, InOrder(train), dev, config, seed=0)
        logits.append(predict(learner, dev))
    for large, accumulated in zip(*logits, strict=True):
        assert np.abs(large - accumulated).max() < 1e-3 * np.abs(large).max()


def test_a_phase_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="phase 'train' has no samples to train on"):
        train_phase(toy_learner(), toy_examples(0, tmp_path), toy_examples(8, tmp_path), TOY_PHASE, seed=0)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"learning_rate": 1}, {"modality_dropout": 0.5}, {"fusion_lr": 0}])
def test_a_phase_that_cannot_be_run_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        PhaseConfig.model_validate(PHASE.model_dump() | change)
