import csv

import numpy as np
import torch

from benchmarks.description_search import DESCRIPTIONS, Pairs, contrastive_loss, fit, found_at


def _pairs(n: int, seed: int) -> Pairs:
    """Words that are a turned and noisy copy of what is in the picture."""
    turn = np.random.default_rng(0).normal(size=(8, 12))
    rng = np.random.default_rng(seed)
    pictures = rng.normal(size=(n, 8))
    words = pictures @ turn + 0.1 * rng.normal(size=(n, 12))
    return Pairs(words.astype(np.float32), pictures.astype(np.float32), np.arange(n))


def test_a_projection_finds_pictures_that_it_was_not_trained_on() -> None:
    asked = _pairs(40, seed=2)
    found = found_at(fit(_pairs(400, seed=1), seed=0), asked)
    assert (found <= 3).mean() > 0.8
    assert found.min() == 1


def test_other_pictures_can_only_come_before_the_right_one() -> None:
    projection, asked = fit(_pairs(100, seed=1), seed=0), _pairs(20, seed=2)
    alone, among = found_at(projection, asked), found_at(projection, asked, _pairs(30, seed=3).pictures)
    assert (among >= alone).all()
    assert among.sum() > alone.sum()


def test_the_loss_counts_no_pair_of_one_picture_as_wrong() -> None:
    picture = torch.tensor([1, 1, 2])
    sure = torch.tensor([[9.0, 9.0, -9.0], [9.0, 9.0, -9.0], [-9.0, -9.0, 9.0]])
    apart = torch.tensor([[9.0, -9.0, -9.0], [-9.0, 9.0, -9.0], [-9.0, -9.0, 9.0]])
    assert contrastive_loss(sure, picture) < contrastive_loss(apart, picture)


def test_each_template_is_described_once_in_words_of_its_own() -> None:
    with DESCRIPTIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["template"] for row in rows}) == len({row["description"] for row in rows}) == len(rows) == 88
    assert min(len(row["description"].split()) for row in rows) >= 4
