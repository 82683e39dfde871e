"""What a few examples of a category are worth: ``python -m benchmarks.categories --data DATA``.

AUROC on the test splits of MultiOFF (offensive) and religious_memes (hateful) of a category with 5, 20 and 50 examples
of the train split (three draws, each in the next larger one), with 95% intervals over memes and draws: with as many
memes of the other label as background, and with the neutral sentences alone; beside a logistic regression on the same
features of the same examples and background. Chance is .5. Nothing is chosen here.

Features of pictures are kept below ``--cache``, where training keeps them. Prints a Markdown table.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.memory import AUROC, HATEFUL, SEEDS, SETS, Bench, Floats, Seen, drawn, row
from model.bundle import COMPACT_BUNDLE, open_bundle
from model.known.categories import Categories, ExampleCategory
from model.known.features import MemeFeatures
from model.known.neutral import NEUTRAL_SENTENCES
from model.runtime import Question, Runtime
from training.baselines.linear import fit_logistic

SIZES = (5, 20, 50)


def neutral(runtime: Runtime) -> list[MemeFeatures]:
    """The sentences that categories stand against, as ``model.category_examples`` has them."""
    questions = [Question(text, (), 0) for text in NEUTRAL_SENTENCES]
    _, words = runtime.ask_with_text(runtime.no_features(1), np.zeros(1, dtype=np.int64), questions, 16)
    return [] if words is None else [MemeFeatures(None, one) for one in words]


def examples(known: Seen, size: int, seed: int) -> tuple[list[MemeFeatures], list[MemeFeatures]]:
    """``size`` memes of the category, and as many of the other label."""
    places = drawn(known.labels, 2 * size, seed)
    own, others = ([known.features[at] for at in places if known.labels[at] == label] for label in (1, 0))
    return own, others


def by_examples(asked: Seen, own: Sequence[MemeFeatures], background: Sequence[MemeFeatures]) -> Floats:
    """Scores [N]; the middle for a meme that has none."""
    categories = Categories([ExampleCategory("one", own)], background)
    return np.array([categories.scores(one).get("one", 0.5) for one in asked.features], dtype=np.float64)


def by_regression(known: Seen, dev: Seen, asked: Seen, size: int, seed: int) -> Floats:
    """Scores [N] of a logistic regression on the same memes, its strength chosen on dev."""
    places = drawn(known.labels, 2 * size, seed)
    fitted = fit_logistic(HATEFUL, known.both[places], known.labels[places], dev.both, dev.labels)
    return np.asarray(fitted(asked.both), dtype=np.float64)


def lines(bench: Bench, name: str, sentences: Sequence[MemeFeatures], sizes: Sequence[int]) -> list[str]:
    """A line for each way, on the test split of one set."""
    known, dev, asked = (bench.split(name, split) for split in ("train", "dev", "test"))

    def contrasted(size: int, seed: int) -> Floats:
        own, others = examples(known, size, seed)
        return by_examples(asked, own, [*others, *sentences])

    def alone(size: int, seed: int) -> Floats:
        return by_examples(asked, examples(known, size, seed)[0], sentences)

    def regression(size: int, seed: int) -> Floats:
        return by_regression(known, dev, asked, size, seed)

    ways = {"examples and background": contrasted, "examples alone": alone, "logistic regression": regression}
    return [row(f"{name} | {title}", asked, sizes, ask) for title, ask in ways.items()]


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="AUROC of categories by a few examples.")
    parser.add_argument("--data", type=Path, required=True, help="holds religious_memes/ and multioff/")
    parser.add_argument("--bundle", type=Path, default=COMPACT_BUNDLE)
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--sets", choices=SETS, nargs="+", default=list(SETS), help="default: all")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    bundle = open_bundle(given.bundle)
    bench, sentences = Bench(given.data, bundle, given.cache), neutral(Runtime(bundle))
    titles = ["measured on", "scored by", *map(str, given.sizes)]
    print(
        f"{AUROC.name}, mean of {len(SEEDS)} draws; chance is .5\n\n| {' | '.join(titles)} |\n{'|---' * len(titles)}|"
    )
    for name in given.sets:
        for line in lines(bench, name, sentences, given.sizes):
            print(line, flush=True)


if __name__ == "__main__":
    main()
