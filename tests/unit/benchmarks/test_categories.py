import numpy as np

from benchmarks.categories import by_examples, by_regression, examples
from benchmarks.memory import Seen
from model.known.features import MemeFeatures


def seen(n: int, seed: int) -> Seen:
    """Memes of two labels that both views tell apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    rows = (rng.normal(size=(n, 6)) + 3 * np.outer(labels, [1, 0, 0, 0, 0, 0])).astype(np.float32)
    return Seen([MemeFeatures(one, one) for one in rows], np.zeros(n), labels)


def test_examples_and_background_are_of_either_label_and_those_of_a_smaller_size_are_among_them() -> None:
    known = seen(60, 1)
    for size in (5, 20):
        own, others = examples(known, size, 0)
        assert (len(own), len(others)) == (size, size)
    small, large = examples(known, 5, 0)[0], examples(known, 20, 0)[0]
    assert {id(one) for one in small} <= {id(one) for one in large}


def test_both_ways_score_the_category_higher() -> None:
    known, dev, asked = seen(60, 1), seen(40, 2), seen(40, 3)
    own, others = examples(known, 20, 0)
    for scores in (by_examples(asked, own, others), by_regression(known, dev, asked, 20, 0)):
        assert scores[asked.labels == 1].mean() > scores[asked.labels == 0].mean() + 0.2
