"""Phases in which the text tower is frozen run it once over each text."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.preparation import PREPROCESS, tokenizer_json
from support.tiny import tiny_network
from support.toy_training import PHASE, toy_examples, toy_learner
from torch import Tensor

from model.network.memefier import HeadInputs
from model.network.text_tower import BertTextTower
from model.preprocess import Preprocessor
from training.data.examples import BOTH, Examples, PixelPictures
from training.trainer import frozen_text
from training.trainer.checkpoint import CheckpointFile
from training.trainer.context import TrainContext
from training.trainer.frozen_text import MAX_BYTES, RememberedTexts, read_once, read_together
from training.trainer.learner import Learner
from training.trainer.trainer import DivergedError, EpochResult, PhaseConfig, train_phase

FROZEN = PHASE.model_copy(update={"text_tower_lr": 0.0, "image_tower_lr": 0.0})


class CountingTower(BertTextTower):
    """Notes each text that it is run over."""

    read: Counter[tuple[int, ...]]

    @classmethod
    def inside(cls, learner: Learner) -> "CountingTower":
        """The tower of ``learner``, which counts from now on."""
        tower = learner.network.text_tower
        tower.__class__ = cls
        assert isinstance(tower, cls)
        tower.read = Counter()
        return tower

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        rows = zip(input_ids, attention_mask > 0, strict=True)
        self.read.update(tuple(ids[shown].tolist()) for ids, shown in rows)
        return super().forward(input_ids, attention_mask)


class StoppedError(Exception):
    """Ends a phase from outside."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Examples, Examples]:
    folder = tmp_path_factory.mktemp("pictures")
    return toy_examples(24, folder), toy_examples(12, folder)


def texts(*lengths: int, padding: int = 0) -> tuple[Tensor, Tensor]:
    """Random ids, and masks that show the first so many of them."""
    generator = torch.Generator().manual_seed(sum(lengths))
    ids = torch.randint(5, 20, (len(lengths), max(lengths) + padding), generator=generator)
    return ids, (torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]).long()


def train(
    data: tuple[Examples, Examples],
    learner: Learner,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    on_epoch: Any = None,
) -> list[EpochResult]:
    config = PhaseConfig.model_validate(FROZEN.model_dump() | dict(settings or {}))
    harness = TrainContext(checkpoint_dir=folder, on_epoch=on_epoch)
    return train_phase(learner, *data, config, seed=0, label="toy", harness=harness)


@pytest.mark.parametrize("known", [(), (1, 4, 9, 2, 0, 4), (4, 9)])
def test_remembered_outputs_are_those_of_the_tower_as_it_serves(known: tuple[int, ...]) -> None:
    tower = tiny_network().text_tower
    ids, mask = texts(1, 4, 9, 2, 0, 4, padding=3)
    padding = mask == 0
    mask[2, 3] = 0  # hidden in the middle
    with torch.no_grad():
        pooled, tokens = tower(ids, mask)
    tower.train()
    learned = [texts(*known)] if known else []
    with read_once(tower, [*learned, (ids[:2], mask[:2])]):
        for _ in range(2):
            found_pooled, found_tokens = tower(ids, mask)
            assert torch.allclose(found_pooled, pooled, atol=1e-6)
            assert torch.allclose(found_tokens[mask > 0], tokens[mask > 0], atol=1e-6)
            assert found_tokens.shape == tokens.shape
            assert not found_tokens[padding].any()
    assert all(part.training for part in tower.modules())


def test_a_batch_without_words_and_an_empty_one_are_no_error() -> None:
    tower = tiny_network().text_tower
    with read_once(tower, [texts(3)]):
        for ids in (torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 0, dtype=torch.long)):
            pooled, tokens = tower(ids, ids)
            assert (pooled.shape, tokens.shape) == ((2, 64), (*ids.shape, 64))


def test_a_network_reads_words_and_tags_alike_with_remembered_texts(tmp_path: Path) -> None:
    net, plain = tiny_network(), toy_examples(6, tmp_path)
    assert net.config.knowledge
    tagged = [
        replace(sample, tags=("a b", "c")[: index % 3], text=sample.text if index else "")
        for index, sample in enumerate(plain.samples)
    ]
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    examples = Examples(tagged, plain.tasks, preprocessor, PixelPictures(preprocessor))
    inputs = HeadInputs(*examples.batch(range(6), BOTH).inputs)
    with torch.no_grad():
        expected = net.read(inputs)
        tower = CountingTower.inside(Learner(net, toy_learner().losses))
        with read_once(tower, examples.texts(BOTH, tags=True)):
            tower.read.clear()
            found = net.read(inputs)
    assert not tower.read
    assert torch.allclose(found.text_embeds, expected.text_embeds, atol=1e-6)
    assert found.tag_embeds is not None
    assert expected.tag_embeds is not None
    assert found.tag_mask is not None
    assert found.tag_mask.any()
    assert torch.allclose(found.tag_embeds[found.tag_mask], expected.tag_embeds[found.tag_mask], atol=1e-6)


def test_what_a_batch_gets_does_not_depend_on_what_was_read_before() -> None:
    tower = tiny_network().text_tower
    first, second = texts(3, 7, 5), texts(3, 7, 5, 9)
    remembered = RememberedTexts(tower, [first], MAX_BYTES)
    again = RememberedTexts(tower, [(first[0].flip(0), first[1].flip(0))], MAX_BYTES)
    remembered.forward(*texts(9, 8))
    for ours, theirs in zip(remembered.forward(*second), again.forward(*second), strict=True):
        assert torch.equal(ours, theirs)


def test_texts_beyond_the_memory_are_read_anew() -> None:
    tower = CountingTower.inside(Learner(tiny_network(), toy_learner().losses))
    ids, mask = texts(2, 9, 4)
    a_text = 4 * 64
    remembered = RememberedTexts(tower, [(ids, mask)], max_bytes=(1 + 2 + 1 + 4) * a_text)
    tower.read.clear()
    remembered.forward(ids, mask)
    assert list(tower.read) == [tuple(ids[1].tolist())]


@pytest.mark.parametrize("losses", [{}, {"rgcl_weight": 0.3}])
def test_a_frozen_tower_is_run_once_over_each_text_of_a_phase(
    data: tuple[Examples, Examples], losses: dict[str, Any]
) -> None:
    learner = toy_learner(losses)
    tower = CountingTower.inside(learner)
    train(data, learner, settings={"epochs": 3})
    assert len(tower.read) > 10
    assert set(tower.read.values()) == {1}


def test_a_tower_that_is_trained_is_run_at_every_step(data: tuple[Examples, Examples]) -> None:
    learner = toy_learner()
    tower = CountingTower.inside(learner)
    train(data, learner, settings={"text_tower_lr": 1e-3})
    assert max(tower.read.values()) > 1


def test_a_finished_phase_reads_nothing(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    train(data, toy_learner(), tmp_path)
    learner = toy_learner()
    tower = CountingTower.inside(learner)
    train(data, learner, tmp_path)
    assert not tower.read


def test_what_is_saved_is_named_and_frozen_as_ever(data: tuple[Examples, Examples], tmp_path: Path) -> None:
    learner, seen = toy_learner(), []
    before = {name: values.clone() for name, values in learner.state_dict().items()}
    train(data, learner, tmp_path, on_epoch=lambda *_: seen.append(list(learner.state_dict())))
    after = learner.state_dict()
    assert [list(before)] * 3 == [*seen, list(after)]
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("network.text_tower."))
    document = CheckpointFile(tmp_path, "toy").read()
    assert document is not None
    assert {name.split(".")[1] for name in document["state"]["best"]} == {"fusion", "heads"}
    assert "forward" not in vars(learner.network.text_tower)


def test_only_phases_with_a_frozen_text_tower_say_how_it_is_read(
    data: tuple[Examples, Examples], tmp_path: Path
) -> None:
    for rate in (0.0, 1e-3):
        train(data, toy_learner(), tmp_path / str(rate), {"text_tower_lr": rate, "epochs": 1})
        document = CheckpointFile(tmp_path / str(rate), "toy").read()
        assert document is not None
        assert ("frozen text tower" in document["fingerprint"]) == (rate == 0)


def noisy(text: str, rng: np.random.Generator) -> str:
    return " ".join(rng.permutation(text.split()))


@pytest.mark.parametrize("max_bytes", [MAX_BYTES, 20_000])
def test_a_stopped_phase_ends_as_an_unbroken_one(
    data: tuple[Examples, Examples], tmp_path: Path, max_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_text, "MAX_BYTES", max_bytes)
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    plain, dev = data
    words = Examples(plain.samples, plain.tasks, preprocessor, PixelPictures(preprocessor), text_noise=noisy)
    unbroken, stopped, resumed = toy_learner(), toy_learner(), toy_learner()
    history = train((words, dev), unbroken)

    def stop_within_the_epoch(learner: Learner, steps: int) -> None:
        def count(*_: Any) -> None:
            nonlocal steps
            steps -= 1
            if steps < 0:
                raise StoppedError

        learner.network.fusion.register_forward_pre_hook(count)

    stop_within_the_epoch(stopped, 2)
    with pytest.raises(StoppedError):
        train((words, dev), stopped, tmp_path)
    assert train((words, dev), resumed, tmp_path) == history
    for name, values in unbroken.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], values)


def test_the_tower_is_as_it_was_after_an_error(data: tuple[Examples, Examples]) -> None:
    learner = toy_learner()
    ids, mask = texts(3, 5)
    expected = learner.eval().network.text_tower(ids, mask)[1]
    with pytest.raises(DivergedError):
        train(data, learner, settings={"fusion_lr": 1e30})
    assert "forward" not in vars(learner.network.text_tower)
    assert expected.requires_grad
    assert torch.equal(learner.eval().network.text_tower(ids, mask)[1], expected)


def test_towers_of_equal_weights_are_read_together_and_others_by_themselves() -> None:
    first, same, other = (tiny_network().text_tower for _ in range(3))
    first.load_state_dict(same.state_dict())
    with torch.no_grad():
        next(iter(other.parameters())).mul_(torch.linspace(-1, 1, 64))
    given = texts(4, 2, 7)
    ran: list[str] = []
    for name, tower in (("first", first), ("same", same), ("other", other)):
        assert isinstance(tower, BertTextTower)
        embeddings = tower.eval().bert.get_submodule("embeddings")
        embeddings.register_forward_pre_hook(lambda _module, _inputs, name=name: ran.append(name))
    with torch.no_grad():
        expected = [tower(*given)[0] for tower in (first, same, other)]
        ran.clear()
        with read_together([first, same, other, first], [given]):
            found = [tower(*given)[0] for tower in (first, same, other)]
        assert ran == ["first", "other"]
        again = [tower(*given)[0] for tower in (first, same, other)]
    assert not torch.allclose(expected[0], expected[2], atol=1e-3)
    for values in (found, again):
        assert all(torch.allclose(one, two, atol=1e-6) for one, two in zip(values, expected, strict=True))
