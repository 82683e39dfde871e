import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.memory import Seen, Stranger, drawn, moved, row
from model.known.features import MemeFeatures


def seen(n: int, seed: int) -> Seen:
    """Memes of two kinds, each with its label, that a network cannot tell apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    kinds = np.random.default_rng(0).standard_normal((2, 64))
    images = (kinds[labels] + 0.5 * rng.standard_normal((n, 64))).astype(np.float32)
    return Seen([MemeFeatures(image, None) for image in images], rng.standard_normal(n), labels)


@given(st.integers(0, 40), st.integers(0, 5))
def test_a_draw_is_balanced_and_holds_the_smaller_ones(size: int, seed: int) -> None:
    labels = np.arange(100) % 2
    places = drawn(labels, size, seed)
    assert len(set(places.tolist())) == size
    assert labels[places].sum() == (size + 1) // 2
    assert set(drawn(labels, size // 2, seed).tolist()) <= set(places.tolist())


def test_what_is_remembered_ranks_memes_that_are_like_it() -> None:
    known, asked = seen(40, 1), seen(200, 2)
    nothing = moved(known, np.zeros(0, dtype=np.int64), asked, asked.logits)
    assert nothing.tolist() == asked.logits.tolist()
    line = row(
        "memory", asked, (0, 20), lambda size, seed: moved(known, drawn(known.labels, size, seed), asked, asked.logits)
    )
    first, last = (float(cell.split()[0]) for cell in line.split("|")[2:4])
    assert first == pytest.approx(0.5, abs=0.1)
    assert last > first + 0.2


def test_a_stranger_learns_from_the_memes_that_it_is_given() -> None:
    known, asked = seen(60, 1), seen(60, 2)
    blind = Seen([MemeFeatures(np.ones(64, np.float32), None)] * 60, np.zeros(60), np.arange(60) % 2)
    stranger = Stranger(known, blind, asked)
    nothing = stranger.logits(asked, np.zeros(0, dtype=np.int64))
    assert np.ptp(nothing) == pytest.approx(0, abs=1e-6)
    taught = stranger.logits(asked, np.arange(60))
    assert taught[asked.labels == 1].min() > taught[asked.labels == 0].max()
