"""The memory that votes beside a network: its kernel, its fit, and that it ships as it was fitted."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.preparation import PREPROCESS, SIDE_PX, picture, tokenizer_json
from support.tiny import TinyImageTower, export_both_ways, tiny_network, tower_spec
from torch import Tensor

from model.export import check_head_parity, export_image_tower
from model.export.graph import head_example
from model.network.memefier import MemeNetwork
from model.network.memory import KernelMemory, MemoryView, NetworkWithMemory
from model.preprocess import Preprocessor
from model.taxonomy import Task, tasks_named
from training.data.examples import BOTH, Examples, Modalities
from training.data.feature_cache import FrozenTower
from training.datasets import Sample
from training.errors import ConfigError, RunError
from training.kernel.config import MemoryConfig
from training.kernel.memory import (
    _ratio,
    check_memory,
    check_size,
    read_memory,
    remember,
    tower_views,
    whole_rows,
    write_memory,
)
from training.kernel.ridge import KernelRidge
from training.run.trained import as_shipped
from training.trainer.predict import predict

TASKS = ("hateful", "offensive")
ALL_KINDS = (*TASKS, "memotion_sentiment", "target")
TEXT_ONLY = Modalities(image=False)


def view(width: int, n_memes: int = 5) -> MemoryView:
    generator = torch.Generator().manual_seed(width)
    return MemoryView(torch.randn(n_memes, width, generator=generator), torch.zeros(width), torch.ones(width))


def votes_of(inputs: tuple[Tensor, ...], network: MemeNetwork) -> Tensor:
    with torch.inference_mode():
        alone = [head(network.fuse(*inputs).cls) for head in network.heads.linears.values()]
        together = network(*inputs)
    return torch.cat([one - other for one, other in zip(together, alone, strict=True)], dim=1)


@pytest.fixture
def remembering() -> NetworkWithMemory:
    network = tiny_network(tasks=TASKS)
    memory = KernelMemory({"image": view(8), "text": view(64)}, torch.randn(5, 2))
    return NetworkWithMemory(network, memory).eval()


@pytest.fixture(scope="module")
def memes(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Twelve memes, hateful and not in turn, a text without a picture and a picture without words."""
    folder = tmp_path_factory.mktemp("memes")
    return memes_seen_by(TinyImageTower(), folder)


def memes_seen_by(
    image_tower: torch.nn.Module,
    folder: Path,
    samples: Sequence[Sample] | None = None,
    tasks: tuple[Task, ...] = tasks_named(TASKS),
) -> Examples:
    """``samples``, or those that ``toy_samples`` makes in ``folder``."""
    export_image_tower(image_tower, SIDE_PX, folder / "tower.onnx")
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    tower = FrozenTower(folder / "tower.onnx", tower_spec(), preprocessor, folder / "cache")
    return Examples(toy_samples(folder) if samples is None else samples, tasks, preprocessor, tower)


def toy_samples(folder: Path) -> list[Sample]:
    samples = []
    for index in range(14):
        path = folder / f"{index}.png"
        picture(index).save(path)
        # Each in one window of twelve tokens: of a longer text the highest window counts, and votes do not add up.
        text = "" if index == 13 else ("a b " if index % 2 else "w ") * (index // 3 + 1) + chr(ord("c") + index)
        image = None if index == 12 else path
        samples.append(Sample(str(index), "toy", "train", text, {"hateful": index % 2}, image))
    return samples


def test_a_meme_is_most_like_itself() -> None:
    one = view(8)
    one.supports.copy_(torch.nn.functional.normalize(one.supports, dim=1))
    likeness = one(one.supports.detach() * 3.0)  # the length of a feature says nothing
    assert torch.allclose(likeness.diagonal(), torch.ones(5), atol=1e-5)
    assert (likeness.argmax(dim=1) == torch.arange(5)).all()


def test_a_meme_without_picture_or_words_gets_no_vote(remembering: NetworkWithMemory) -> None:
    inputs = list(head_example(remembering, batch=4, text_tokens=6))
    inputs[2] = torch.tensor([1, 0, 1, 1])
    inputs[4] = torch.tensor([[1] * 6, [1] * 6, [0] * 6, [1] * 3 + [0] * 3])
    votes = votes_of(tuple(inputs), remembering)
    assert (votes[[1, 2]].abs() < 1e-6).all()
    assert (votes[[0, 3]].abs() > 1e-4).all()


def test_a_memory_of_texts_does_not_look_for_a_picture() -> None:
    network = NetworkWithMemory(tiny_network(tasks=TASKS), KernelMemory({"text": view(64)}, torch.randn(5, 2))).eval()
    inputs = list(head_example(network, batch=2, text_tokens=6))
    inputs[2] = torch.zeros(2, dtype=torch.int64)
    assert (votes_of(tuple(inputs), network)[0].abs() > 1e-4).all()


@pytest.mark.parametrize("n_tasks", [1, 3])
def test_a_memory_of_other_tasks_is_refused(n_tasks: int) -> None:
    with pytest.raises(ValueError, match=f"votes on binary tasks only: this one on {n_tasks}, and the network has 2"):
        NetworkWithMemory(tiny_network(tasks=ALL_KINDS), KernelMemory({"text": view(64)}, torch.zeros(5, n_tasks)))


def test_a_memory_votes_on_the_binary_tasks_and_leaves_the_others_alone() -> None:
    memory = KernelMemory({"image": view(8), "text": view(64)}, torch.randn(5, 2))
    alone = tiny_network(tasks=ALL_KINDS).eval()
    inputs = head_example(alone, batch=3, text_tokens=6)
    with torch.inference_mode():
        before, after = alone(*inputs), NetworkWithMemory(alone, memory).eval()(*inputs)
        votes = NetworkWithMemory(tiny_network(tasks=TASKS), memory).eval()
    assert [torch.equal(one, other) for one, other in zip(before, after, strict=True)] == [False, False, True, True]
    assert [one.shape for one in before] == [one.shape for one in after] == [(3, 1), (3, 1), (3, 3), (3, 6)]
    added = torch.cat([after[place] - before[place] for place in (0, 1)], dim=1)
    assert torch.allclose(added, votes_of(inputs, votes), atol=1e-5)


@pytest.mark.parametrize("tasks", [TASKS, ("hateful", "offensive", "target")], ids=["two", "and target"])
@pytest.mark.slow
def test_the_exported_head_votes_as_the_network_does(tasks: tuple[str, ...], tmp_path: Path) -> None:
    memory = KernelMemory({"image": view(8), "text": view(64)}, torch.randn(5, 2))
    remembering = NetworkWithMemory(tiny_network(tasks=tasks), memory).eval()
    for precision, path in export_both_ways(remembering, tmp_path).items():
        report = check_head_parity(remembering, path, precision, max_text_tokens=12, max_tags=2, patches=16)
        assert report.max_abs_logit_diff <= report.limit
        votes = votes_of(head_example(remembering, batch=3, text_tokens=5), remembering)
        assert votes[:, :2].abs().max() > 100 * report.limit  # so a graph without them would be refused
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        assert [output.name for output in session.get_outputs()] == [*tasks, "text_embeds"]


def test_whole_rows_have_what_the_modalities_ask_for(memes: Examples) -> None:
    assert whole_rows(memes.samples, BOTH).tolist() == list(range(12))
    assert whole_rows(memes.samples, TEXT_ONLY).tolist() == list(range(13))


def test_what_is_remembered_is_kernel_ridge_regression_times_how_loud_it_is(memes: Examples) -> None:
    network = tiny_network(tasks=TASKS)
    remembering = remember(network, memes, memes, MemoryConfig(ridge=0.5))
    rows = whole_rows(memes.samples, BOTH)
    views = list(tower_views(network, memes, rows).values())
    expected = KernelRidge(views, memes.labels(0)[rows], ridge=0.5).scores(views)
    added = (predict(remembering, memes)[0] - predict(network, memes)[0])[rows, 0]
    ratio = added @ expected / (expected @ expected)
    assert ratio > 0
    assert np.allclose(added, ratio * expected, atol=1e-3 * abs(added).max())


def test_what_is_remembered_is_the_same_beside_a_task_of_several_labels(memes: Examples, tmp_path: Path) -> None:
    tasks = tasks_named((*TASKS, "target"))
    samples = [replace(one, labels=one.labels | {"target": (index % 6,)}) for index, one in enumerate(memes.samples)]
    more = memes_seen_by(TinyImageTower(), tmp_path, samples, tasks)
    network = tiny_network(tasks=(*TASKS, "target"))
    remembering = remember(network, more, more, MemoryConfig())
    assert remembering.memory.weights.shape == (12, 2)
    assert (remembering.memory.weights[:, 0] != 0).all()
    write_memory(tmp_path / "memory", remembering.memory)
    read = NetworkWithMemory(network, read_memory(tmp_path / "memory"))
    alone, together = predict(network, more), predict(read, more)
    assert [np.array_equal(*pair) for pair in zip(alone, together, strict=True)] == [False, True, True]


def test_a_task_that_nothing_remembered_is_labelled_for_gets_no_votes(memes: Examples) -> None:
    network = tiny_network(tasks=TASKS)
    remembering = remember(network, memes, memes, MemoryConfig())
    assert np.array_equal(predict(remembering, memes)[1], predict(network, memes)[1])


def test_samples_without_picture_or_words_do_not_say_how_loud_a_memory_is(memes: Examples, tmp_path: Path) -> None:
    network, tower, whole = tiny_network(tasks=TASKS), TinyImageTower(), memes.samples[:12]
    lacking = [replace(memes.samples[12 + at % 2], id=f"lacking{at}", labels={"hateful": at // 2}) for at in range(4)]
    weights = [
        remember(network, memes, memes_seen_by(tower, tmp_path, dev), MemoryConfig()).memory.weights.numpy()
        for dev in (whole, [*whole, *lacking])
    ]
    assert np.allclose(weights[0], weights[1], rtol=1e-3)
    assert weights[0][:, 0].any()


@given(st.integers(0, 99), st.floats(0.05, 5), st.floats(0.05, 5))
def test_votes_spread_at_most_four_times_as_widely_as_the_logits(seed: int, logits_by: float, votes_by: float) -> None:
    rng, labels = np.random.default_rng(seed), np.arange(40) % 2
    logits, votes = rng.normal(size=40) * logits_by, (labels + 0.1 * rng.normal(size=40)) * votes_by
    ratio = _ratio(np.stack([logits, votes], axis=1).astype(np.float32), labels)
    # The logits say nothing and the votes everything: only the limit holds them.
    assert ratio * votes.std() == pytest.approx(4 * logits.std(), rel=1e-3)
    assert _ratio(np.stack([votes, -logits], axis=1).astype(np.float32), labels) * logits.std() < votes.std()
    assert _ratio(np.stack([logits, -votes], axis=1).astype(np.float32), labels) == 0


class ClassTokenTower(TinyImageTower):
    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        embeds, patches = super().forward(pixel_values)
        return embeds, torch.cat([patches.amax(dim=1, keepdim=True), patches], dim=1)


def test_a_picture_is_seen_as_its_class_token_or_pooled_where_there_is_none(memes: Examples, tmp_path: Path) -> None:
    network, rows = tiny_network(tasks=TASKS), np.arange(3)
    embeds, patches = memes.batch(rows.tolist(), BOTH).inputs[:2]
    assert np.array_equal(tower_views(network, memes, rows)["pooled_image"], embeds.numpy())
    with_token = tower_views(network, memes_seen_by(ClassTokenTower(), tmp_path), rows)
    assert with_token.keys() == {"image", "text"}
    assert with_token["image"].shape == (3, patches.shape[2])


@pytest.mark.parametrize("image_tower", [TinyImageTower(), ClassTokenTower()])
def test_a_memory_that_was_written_down_votes_as_before(image_tower: torch.nn.Module, tmp_path: Path) -> None:
    network, memes = tiny_network(tasks=TASKS), memes_seen_by(image_tower, tmp_path)
    remembering = remember(network, memes, memes, MemoryConfig())
    write_memory(tmp_path / "memory", remembering.memory)
    read = NetworkWithMemory(network, read_memory(tmp_path / "memory"))
    assert np.array_equal(predict(read, memes)[0], predict(remembering, memes)[0])
    assert not np.array_equal(predict(read, memes)[0], predict(network, memes)[0])


def test_a_memory_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the memory cannot be read"):
        read_memory(tmp_path / "memory")
    (tmp_path / "memory").write_bytes(b"no tensors")
    with pytest.raises(RunError, match="the memory cannot be read"):
        read_memory(tmp_path / "memory")


def test_a_memory_that_cannot_be_made_is_refused_before_any_work(memes: Examples) -> None:
    with pytest.raises(ConfigError, match="no training sample has the picture and words that a memory needs"):
        check_memory(memes.samples[12:], BOTH)
    check_memory(memes.samples[12:], TEXT_ONLY)
    with pytest.raises(ConfigError, match="memory: a kernel machine takes at most 20,000 training samples"):
        check_size(20_001, "memory")


@pytest.mark.parametrize(("modalities", "hidden"), [(TEXT_ONLY, 0), (Modalities(text=False), 3)])
def test_a_twin_remembers_only_what_it_sees(memes: Examples, modalities: Modalities, hidden: int) -> None:
    network = tiny_network(tasks=TASKS)
    memory = remember(network, memes, memes, MemoryConfig(), modalities).memory
    shipped = as_shipped(network, modalities, memory)
    inputs = list(memes.batch(range(4), BOTH).inputs)
    seen, alone = votes_of(tuple(inputs), shipped), as_shipped(network, modalities, None)
    inputs[hidden] = inputs[hidden].flip(0)
    assert torch.equal(votes_of(tuple(inputs), shipped), seen)
    assert seen[:, 0].abs().min() > 1e-4
    with torch.inference_mode():
        assert not torch.equal(shipped(*inputs)[0], alone(*inputs)[0])
