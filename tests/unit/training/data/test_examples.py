import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.preparation import PREPROCESS, picture, tokenizer_json
from support.tiny import TASKS, TinyBundle, tower_spec

from model.preprocess import PreprocessConfig, Preprocessor
from model.runtime import ImageTower
from model.taxonomy import tasks_named
from training.baselines import FrozenTowers
from training.data.examples import BOTH, Examples, Modalities, PixelPictures
from training.data.feature_cache import FrozenTower
from training.data.image_augment import AugmentConfig
from training.datasets import Sample
from training.datasets.base import ABSENT, DatasetError
from training.trainer.checkpoint import examples_digest


@pytest.fixture
def tower(tiny: TinyBundle, tmp_path: Path) -> FrozenTower:
    preprocessor = Preprocessor(PREPROCESS, tokenizer_json())
    return FrozenTower(tiny.parts.image_tower_path, tower_spec(), preprocessor, tmp_path / "cache", threads=1)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{seed}.png" for seed in range(4)]
    for seed, path in enumerate(paths):
        picture(seed).save(path)
    return paths


def cached(tower: FrozenTower) -> dict[str, int]:
    """Name and modification time of each file in the cache."""
    return {str(path.relative_to(tower.cache)): path.stat().st_mtime_ns for path in tower.cache.rglob("*.npz")}


def sample(name: str, text: str = "words", image: Path | None = None, **labels: int) -> Sample:
    return Sample(name, "made", "train", text, {**labels}, image)


def test_features_are_those_of_the_tower(tower: FrozenTower, pictures: list[Path]) -> None:
    found = tower.features([*pictures, pictures[0]])
    pixels = np.stack([tower.preprocessor.pixels(picture(seed)) for seed in (0, 1, 2, 3, 0)])
    expected = ImageTower(tower.path, tower.spec, threads=1).encode(pixels)
    assert np.abs(found.embeds - expected.embeds).max() < 1e-5
    assert np.abs(found.patches.astype(np.float32) - expected.patches).max() < 5e-3
    assert (found.embeds.dtype, found.patches.dtype) == (np.dtype("float32"), np.dtype("float16"))


def test_features_are_computed_once(tower: FrozenTower, pictures: list[Path]) -> None:
    first, before = tower.features(pictures), cached(tower)
    second = tower.features(list(reversed(pictures)))
    assert len(before) == 4
    assert cached(tower) == before
    assert np.array_equal(second.embeds, first.embeds[::-1])
    assert np.array_equal(second.patches, first.patches[::-1])


def test_a_changed_picture_is_computed_anew(tower: FrozenTower, pictures: list[Path]) -> None:
    before = tower.features(pictures[:1])
    picture(9).save(pictures[0])
    assert not np.array_equal(tower.features(pictures[:1]).embeds, before.embeds)


def test_what_a_killed_writer_left_is_not_read(tower: FrozenTower, pictures: list[Path]) -> None:
    expected = tower.features(pictures[:1])
    (stored,) = tower.cache.rglob("*.npz")
    for left_over in (stored.with_suffix(".tmp"), stored.with_suffix(f".{os.getpid()}.tmp")):
        left_over.write_bytes(b"half a fi")
    stored.unlink()
    assert np.array_equal(tower.features(pictures[:1]).embeds, expected.embeds)


def test_another_tower_or_preprocessing_is_not_served_from_the_cache(
    tower: FrozenTower, pictures: list[Path], tmp_path: Path
) -> None:
    tower.features(pictures)
    padded = Preprocessor(PreprocessConfig(**(PREPROCESS.model_dump() | {"resize": "pad"})), tokenizer_json())
    other_file = tmp_path / "other.onnx"
    other_file.write_bytes(tower.path.read_bytes() + b"\n\0")
    other_output = tower_spec().model_copy(update={"patches_output": "another_layer"})
    others = (
        replace(tower, preprocessor=padded),
        replace(tower, path=other_file),
        replace(tower, spec=other_output),
    )
    assert len({one._key() for one in (tower, *others)}) == 4
    others[0].features(pictures)
    assert len(cached(tower)) == 8


def test_other_text_settings_reuse_the_cache(tower: FrozenTower, pictures: list[Path]) -> None:
    tower.features(pictures)
    longer = Preprocessor(PreprocessConfig(**(PREPROCESS.model_dump() | {"max_text_tokens": 20})), tokenizer_json())
    before = cached(tower)
    replace(tower, preprocessor=longer).features(pictures)
    assert cached(tower) == before


def test_a_picture_that_is_none_stops_the_run(tower: FrozenTower, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"bad\.png"):
        tower.features([tmp_path / "bad.png"])


@pytest.fixture
def mixed(tower: FrozenTower, pictures: list[Path]) -> Examples:
    """Memes and text-only samples in turn."""
    samples = [
        sample("m0", "a", pictures[0], hateful=1),
        sample("t0", "some more words", None, memotion_sentiment=2),
        sample("m1", "", pictures[1], hateful=0, memotion_sentiment=0),
        replace(sample("m2", "b c", pictures[2]), tags=("cat",)),
    ]
    return Examples(samples, tasks_named(TASKS[:2]), tower.preprocessor, tower)


def test_labels_are_absent_where_a_sample_has_none(mixed: Examples) -> None:
    batch = mixed.batch([0, 1, 2, 3], BOTH)
    assert batch.labels.tolist() == [[1, ABSENT], [ABSENT, 2], [0, 0], [ABSENT, ABSENT]]
    assert mixed.labels(0).tolist() == [1, ABSENT, 0, ABSENT]


def test_a_batch_has_each_samples_own_picture_and_words(mixed: Examples, tower: FrozenTower) -> None:
    batch = mixed.batch([3, 1, 0], BOTH)
    embeds, patches, image_mask, input_ids, attention_mask, _, tag_mask = batch.inputs
    pictures = [mixed.samples[place].image for place in (3, 0)]
    expected = tower.features([path for path in pictures if path is not None])
    assert image_mask.tolist() == [1, 0, 1]
    assert np.array_equal(embeds[[0, 2]].numpy(), expected.embeds)
    assert np.array_equal(patches[[0, 2]].numpy(), expected.patches.astype(np.float32))
    text = tower.preprocessor.text_inputs(["b c", "some more words", "a"], [(), (), ()])
    assert np.array_equal(input_ids.numpy(), text.input_ids)
    assert np.array_equal(attention_mask.numpy(), text.attention_mask)
    assert tag_mask.any(dim=2).tolist() == [[True], [False], [False]]


def test_modality_dropout_hides_the_picture_or_the_words_of_a_row(mixed: Examples) -> None:
    batch = mixed.batch([0, 3, 0, 2], BOTH, np.array([1, 2, 0, 0]))
    assert batch.inputs[2].tolist() == [0, 1, 1, 1]
    assert batch.inputs[4].any(dim=1).tolist() == [True, False, True, False]


def test_a_twin_is_shown_one_modality_alone(mixed: Examples) -> None:
    text_only = mixed.batch([0, 3], Modalities(image=False)).inputs
    image_only = mixed.batch([0, 3], Modalities(text=False)).inputs
    assert (text_only[2].tolist(), text_only[4].any(dim=1).tolist()) == ([0, 0], [True, True])
    assert float(text_only[0].abs().sum() + text_only[1].abs().sum()) == 0
    assert (image_only[2].tolist(), int(image_only[4].sum()), int(image_only[6].sum())) == ([1, 1], 0, 0)


def test_samples_without_any_picture_need_no_features(tower: FrozenTower) -> None:
    examples = Examples([sample("a"), sample("b")], tasks_named(TASKS[:1]), tower.preprocessor, tower)
    embeds, patches, image_mask, *_ = examples.batch([0, 1], BOTH).inputs
    assert (embeds.shape, patches.shape, image_mask.tolist()) == ((2, 6), (2, 1, 8), [0, 0])
    assert not tower.cache.exists()


def test_a_batch_says_which_samples_it_shows(mixed: Examples) -> None:
    assert mixed.batch([3, 1], BOTH).rows.tolist() == [3, 1]


def test_label_sets_of_a_multilabel_task_are_rows_of_ones_and_zeros(tower: FrozenTower) -> None:
    tasks = tasks_named(["hateful", "protected_class"])
    samples = [
        replace(sample("a"), labels={"protected_class": (1, 3)}),
        sample("b", hateful=1),
        replace(sample("c"), labels={"protected_class": ()}),
    ]
    examples = Examples(samples, tasks, tower.preprocessor, tower)
    batch = examples.batch([1, 0, 2], BOTH)
    assert batch.labels.tolist() == [[1, ABSENT], [ABSENT, ABSENT], [ABSENT, ABSENT]]
    assert batch.label_sets["protected_class"].tolist() == [[ABSENT] * 6, [0, 1, 0, 1, 0, 0], [0] * 6]
    assert examples.label_sets("protected_class").tolist() == batch.label_sets["protected_class"][[1, 0, 2]].tolist()


def test_captions_come_as_tokens_with_rows_of_mask_zeros_where_there_is_none(
    mixed: Examples, tower: FrozenTower
) -> None:
    samples = [replace(mixed.samples[0], caption="a cat"), *mixed.samples[1:]]
    examples = Examples(samples, tasks_named(TASKS[:2]), tower.preprocessor, tower)
    captions = examples.batch([2, 0], BOTH).captions
    assert captions is not None
    expected = tower.preprocessor.text_inputs([None, "a cat"], [(), ()])
    assert np.array_equal(captions[0].numpy(), expected.input_ids)
    assert captions[1].sum(dim=1).tolist() == [0, expected.attention_mask[1].sum()]
    assert examples.batch([2, 3], BOTH).captions is None


def test_pixels_come_prepared_as_in_serving_with_zeros_where_no_picture_is_shown(
    mixed: Examples, tower: FrozenTower
) -> None:
    examples = Examples(mixed.samples, tasks_named(TASKS[:2]), tower.preprocessor, PixelPictures(tower.preprocessor))
    batch = examples.batch([2, 1, 0], BOTH, np.array([0, 0, 1]))
    assert batch.pixels is not None
    assert np.array_equal(batch.pixels[0].numpy(), tower.preprocessor.pixels(picture(1)))
    assert (batch.inputs[2].tolist(), float(batch.pixels[1:].abs().sum())) == ([1, 0, 0], 0.0)
    assert examples.batch([2, 1], Modalities(image=False)).pixels is None


def test_a_file_that_is_no_picture_is_named_when_its_pixels_are_asked_for(tower: FrozenTower, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    pictures = PixelPictures(tower.preprocessor)
    examples = Examples([sample("a", image=tmp_path / "bad.png")], tasks_named(TASKS[:1]), tower.preprocessor, pictures)
    with pytest.raises(DatasetError, match=r"bad\.png cannot be trained on"):
        examples.batch([0], BOTH)


def test_words_and_pictures_change_in_training_batches_alone(mixed: Examples, tower: FrozenTower) -> None:
    def turned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        return image.rotate(int(rng.integers(1, 360)))

    def shortened(text: str, rng: np.random.Generator) -> str:
        return text[: int(rng.integers(1, 5))]

    pictures = PixelPictures(tower.preprocessor, turned)
    examples = Examples(mixed.samples, tasks_named(TASKS[:2]), tower.preprocessor, pictures, text_noise=shortened)
    plain, again = (examples.batch([0, 1], BOTH) for _ in range(2))
    first, same, other = (examples.batch([0, 1], BOTH, rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    seen = []
    for batch in (plain, again, first, same, other):
        assert batch.pixels is not None
        seen.append(batch.pixels)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[2], seen[3])
    assert not torch.equal(seen[2], seen[0])
    assert not torch.equal(seen[2], seen[4])
    assert plain.inputs[4].sum() == again.inputs[4].sum() > first.inputs[4].sum()


def test_training_batches_show_the_views_of_a_frozen_tower(
    mixed: Examples, tower: FrozenTower, pictures: list[Path]
) -> None:
    augmented = replace(tower, augment=AugmentConfig(geometry_p=1.0), n_views=2)
    examples = Examples(mixed.samples, tasks_named(TASKS[:2]), tower.preprocessor, augmented)
    views = [augmented.features(pictures[:1], view=view) for view in range(3)]
    seen = set()
    for seed in range(12):
        batch = examples.batch([0, 1], BOTH, rng=np.random.default_rng(seed))
        again = examples.batch([0, 1], BOTH, rng=np.random.default_rng(seed))
        assert torch.equal(batch.inputs[1], again.inputs[1])
        matches = [np.array_equal(batch.inputs[1][0].numpy(), view.patches[0].astype(np.float32)) for view in views]
        assert sum(matches) == 1
        assert np.array_equal(batch.inputs[0][0].numpy(), views[matches.index(True)].embeds[0])
        seen.add(matches.index(True))
    assert seen == {0, 1, 2}
    assert np.array_equal(examples.batch([0], BOTH).inputs[0].numpy(), views[0].embeds)


def test_a_batch_has_the_weight_and_the_noise_of_each_sample(mixed: Examples, tower: FrozenTower) -> None:
    weights, noise = np.array([1.0, 0.5, 2.0, 1.0]), np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.2], [0.0, 0.0]])
    weighted = mixed.weighted(weights, noise)
    batch = weighted.batch([2, 1], BOTH)
    assert batch.weights is not None
    assert batch.label_noise is not None
    assert batch.weights.tolist() == [2.0, 0.5]
    assert np.allclose(batch.label_noise.numpy(), noise[[2, 1]])
    assert (mixed.batch([1], BOTH).weights, mixed.batch([1], BOTH).label_noise) == (None, None)
    long = Examples([sample("a", "sun " * 40), sample("b")], mixed.tasks, tower.preprocessor, tower)
    parts, owners = long.weighted(np.array([0.5, 1.0]), np.zeros((2, 2))).in_windows()
    shown = parts.batch(list(range(len(owners))), BOTH).weights
    assert shown is not None
    assert shown.tolist() == [0.5] * (len(owners) - 1) + [1.0]


def test_what_counts_alike_is_the_same_examples_and_what_does_not_is_other_data(mixed: Examples) -> None:
    certain = np.zeros((4, 2))
    assert mixed.weighted(np.ones(4), certain) is mixed
    weighted, noisy = mixed.weighted(np.full(4, 0.5), certain), mixed.weighted(np.ones(4), certain + 0.1)
    assert len({examples_digest(examples) for examples in (mixed, weighted, noisy)}) == 3


def test_a_batch_moves_to_a_device_with_all_that_it_holds(mixed: Examples, tower: FrozenTower) -> None:
    samples = [replace(mixed.samples[0], caption="a cat", labels={"protected_class": (0,)})]
    tasks = tasks_named(["hateful", "protected_class"])
    examples = Examples(samples, tasks, tower.preprocessor, PixelPictures(tower.preprocessor))
    known = np.full((1, 2), 0.1)
    batch = examples.weighted(np.full(1, 0.5), known).taught(known).batch([0], BOTH)
    moved = batch.to("meta")
    optional = [moved.pixels, moved.soft_labels, moved.weights, moved.label_noise]
    tensors = [tensor for tensor in optional if tensor is not None]
    assert moved.captions is not None
    tensors += [*moved.inputs, moved.labels, moved.rows, *moved.label_sets.values(), *moved.captions]
    assert len(tensors) == 16
    assert {str(tensor.device) for tensor in tensors} == {"meta"}
    assert batch.inputs[0].device.type == "cpu"


def test_every_sample_comes_once_an_epoch_and_never_beside_the_other_kind(mixed: Examples, tower: FrozenTower) -> None:
    samples = [replace(mixed.samples[place % 4], id=str(place)) for place in range(41)]
    examples = Examples(samples, tasks_named(TASKS[:1]), tower.preprocessor, tower)
    epochs = [list(examples.shuffled(5, np.random.default_rng(seed))) for seed in (0, 1, 0)]
    for batches in epochs:
        assert sorted(index for batch in batches for index in batch) == list(range(41))
        assert max(map(len, batches)) <= 5
        assert all(len({samples[index].image is None for index in batch}) == 1 for batch in batches)
    assert epochs[0] == epochs[2] != epochs[1]


def test_the_baseline_sees_no_picture_where_there_is_none(mixed: Examples, tiny: TinyBundle) -> None:
    features = FrozenTowers(tiny.network.text_tower)(mixed).both
    image = features[:, tiny.network.text_tower.pooled_width :]
    assert np.linalg.norm(image, axis=1) == pytest.approx([1, 0, 1, 1], abs=1e-6)
    assert torch.is_grad_enabled()
