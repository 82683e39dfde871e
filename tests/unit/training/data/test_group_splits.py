import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from training.data.group_splits import SplitConfig, group_samples, split_groups
from training.data.image_hashes import Fingerprint
from training.datasets.base import DatasetError, Labels, Sample

FAR = (0x0123456789ABCDEF, 0xFEDCBA9876543210)


def sample(number: int, text: str = "", label: int | None = None, image: str | None = None) -> Sample:
    labels: Labels = {} if label is None else {"hateful": label}
    return Sample(str(number), "own", "all", text, labels, Path(image) if image else None)


def groups_of(samples: list[Sample], max_distance: int | None = 4, **prints: Fingerprint) -> list[list[int]]:
    numbers = group_samples(samples, {Path(name): value for name, value in prints.items()}, max_distance)
    return sorted(np.flatnonzero(numbers == number).tolist() for number in set(numbers.tolist()))


def test_samples_with_the_same_words_are_one_group_whatever_their_case_and_signs() -> None:
    samples = [sample(0, "Good  morning!"), sample(1, "good morning"), sample(2, "good night"), sample(3), sample(4)]
    assert groups_of(samples) == [[0, 1], [2], [3], [4]]


def test_pictures_of_equal_bytes_or_near_hashes_join_their_samples() -> None:
    samples = [sample(number, f"text {number}", image=name) for number, name in enumerate("abcde")]
    phash, dhash = FAR
    prints = {
        "a": Fingerprint("same bytes", None),
        "b": Fingerprint("same bytes", None),
        "c": Fingerprint("c", FAR),
        "d": Fingerprint("d", (phash ^ 0b1111, dhash)),
        "e": Fingerprint("e", (phash ^ 0b11111, dhash ^ 0b1 << 60)),
    }
    assert groups_of(samples, 3, **prints) == [[0, 1], [2], [3, 4]]
    assert groups_of(samples, None, **prints) == [[0, 1], [2], [3], [4]]
    assert groups_of(samples, 4, **prints) == [[0, 1], [2, 3, 4]]  # c is near d, and so in one group with e


def test_text_and_picture_chain_groups_together() -> None:
    samples = [
        sample(0, "one", image="a"),
        sample(1, "one", image="b"),
        sample(2, "two", image="b"),
        sample(3, "three"),
    ]
    prints: dict[str, Any] = {"a": Fingerprint("a", None), "b": Fingerprint("b", None)}
    assert groups_of(samples, **prints) == [[0, 1, 2], [3]]


def memes(seed: int, n: int) -> list[Sample]:
    """Memes that share texts, a few of them many times, labelled, unlabelled and of both classes."""
    rng = np.random.default_rng(seed)
    texts = np.minimum(rng.geometric(0.05, size=n), rng.integers(20, 200))
    return [sample(row, f"text {text}", rng.choice(np.array([None, 0, 1]))) for row, text in enumerate(texts)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(60, 300))
def test_no_group_is_in_two_splits_and_any_order_gives_the_same_split(seed: int, n: int) -> None:
    samples = memes(seed, n)
    config = SplitConfig(dev=0.2, test=0.2, seed=seed)
    splits = split_groups(samples, group_samples(samples, {}, None), config)
    assert len(splits) == len(samples)
    assert set(splits) == {"train", "dev", "test"}
    assert len({(item.text, split) for item, split in zip(samples, splits, strict=True)}) == len(
        {item.text for item in samples}
    )
    rows = random.Random(seed).sample(range(len(samples)), len(samples))
    shuffled = [samples[row] for row in rows]
    again = split_groups(shuffled, group_samples(shuffled, {}, None), config)
    assert again == [splits[row] for row in rows]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(60, 300))
def test_every_split_comes_within_the_largest_group_of_its_wanted_size(seed: int, n: int) -> None:
    samples = memes(seed, n)
    groups = group_samples(samples, {}, None)
    splits = split_groups(samples, groups, SplitConfig(dev=0.2, test=0.2))
    largest = int(np.unique(groups, return_counts=True)[1].max())
    for split, share in (("train", 0.6), ("dev", 0.2), ("test", 0.2)):
        assert abs(splits.count(split) - share * len(samples)) <= largest + 1


def test_single_samples_are_split_exactly_and_each_class_in_proportion() -> None:
    samples = [sample(number, f"text {number}", int(number % 4 == 0)) for number in range(1000)]
    splits = split_groups(samples, group_samples(samples, {}, None), SplitConfig(dev=0.1, test=0.2))
    assert {name: splits.count(name) for name in ("train", "dev", "test")} == {"train": 700, "dev": 100, "test": 200}
    positives = [split for item, split in zip(samples, splits, strict=True) if item.labels["hateful"] == 1]
    assert [positives.count(name) for name in ("train", "dev", "test")] == [175, 25, 50]


def test_another_seed_gives_another_split() -> None:
    samples = [sample(number, f"text {number}") for number in range(100)]
    groups = group_samples(samples, {}, None)
    first, again, other = (split_groups(samples, groups, SplitConfig(seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_classes_of_a_multilabel_task_are_spread_too() -> None:
    samples = [
        Sample(str(number), "own", "all", f"text {number}", {"attack": (1, 2) if number < 20 else (3,)})
        for number in range(200)
    ]
    splits = split_groups(samples, group_samples(samples, {}, None), SplitConfig(dev=0.1, test=0.1))
    assert [splits[:20].count(name) for name in ("train", "dev", "test")] == [16, 2, 2]


def test_a_split_of_share_zero_gets_nothing() -> None:
    samples = [sample(number, f"text {number}") for number in range(10)]
    splits = split_groups(samples, group_samples(samples, {}, None), SplitConfig(dev=0.5, test=0))
    assert sorted(splits) == ["dev"] * 5 + ["train"] * 5


def test_too_few_groups_are_refused_with_what_to_do() -> None:
    samples = [sample(number, "all the same words") for number in range(50)]
    with pytest.raises(DatasetError, match=r"50 samples make 1 group\(s\).*use more data"):
        split_groups(samples, group_samples(samples, {}, None), SplitConfig())


@pytest.mark.parametrize("wrong", [{"dev": 0.5, "test": 0.5}, {"dev": -0.1}, {"max_distance": 65}, {"validation": 0.1}])
def test_impossible_shares_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SplitConfig(**wrong)
