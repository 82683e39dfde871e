"""What must hold of mismatched twins, so that nothing but picture and words together can tell them.

After NewsCLIPpings (Luo et al. 2021) and VERITE (Papadopoulos et al. 2024): sets in which one modality gave the answer
away measured nothing. There are two kinds of guard: what follows from counting, and models of one modality that must
stay at chance.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from model.errors import MemeguardError
from training.baselines.tfidf import TextVectors
from training.datasets import Sample
from training.evaluation.metrics.bootstrap import Estimate, bootstrap
from training.evaluation.metrics.measures import MEASURES, Floats
from training.evaluation.report.wording import interval_text
from training.repurposing.names import name_in
from training.repurposing.partners import Rows
from training.repurposing.twins import TASK, Swap, Twins

#: Over this AUROC of one modality alone a set is not published, nor as far below chance: who asks the other way round
#: has the answer too.
MAX_AUROC = 0.55
_AUROC = next(measure for measure in MEASURES["binary"] if measure.name == "auroc")
_N_FOLDS = 5
#: Samples that the models of one modality are fitted and measured on, at most.
_MAX_SAMPLES = 4000
_RESAMPLES = 200


class LeakError(MemeguardError):
    """A set gives its answer away; the message says what does, and by how much."""


@dataclass(frozen=True)
class Leak:
    """AUROC of a model that sees one modality, out of fold, on ``n`` samples; chance is .5."""

    modality: str
    model: str
    n: int
    auroc: Estimate

    @property
    def is_leak(self) -> bool:
        """Whether the modality alone tells more than the guard allows."""
        return self.auroc.value is not None and abs(self.auroc.value - 0.5) > MAX_AUROC - 0.5


def check_counts(twins: Twins, swap: Swap) -> None:
    """Every picture is as often with words that are not its own as with its own, and so is every text or name.

    No picture is in two splits. Raises ``LeakError`` naming the first that is not so, which is a fault of ours.
    """
    labels = twins.labels
    _balanced("picture", [sample.image for sample in twins.samples], labels)
    if swap == "words":
        _balanced("name", [_name_key(sample) for sample in twins.samples], labels)
    else:
        _balanced("text", [sample.text for sample in twins.samples], labels)
    splits: dict[int, set[str]] = defaultdict(set)
    for picture, split in zip(twins.pictures.tolist(), twins.splits, strict=True):
        splits[picture].add(split)
    crossing = [names for names in splits.values() if len(names) > 1]
    if crossing:
        raise LeakError(f"{len(crossing)} pictures are in several splits, such as {' and '.join(sorted(crossing[0]))}")


def find_leaks(twins: Twins, swap: Swap, features: NDArray[np.floating], seed: int) -> list[Leak]:
    """Logistic regressions that see the words alone (TF-IDF), and the picture alone (``features`` [M, D] of the tower).

    By cross-validation over all samples. A fold is whole in its modality: what is true in one fold and false in another
    is guessed the wrong way round. So samples of one picture, or of one meme's words, are in one fold; and where names
    were exchanged within a split, the folds are the splits.
    """
    every = -(-len(twins.samples) // _MAX_SAMPLES)
    rows = np.flatnonzero((np.arange(len(twins.samples)) // 2) % every == 0)  # twins stand beside each other
    samples, labels, shown = [twins.samples[row] for row in rows], twins.labels[rows], features[rows]
    memes, pictures = twins.memes[rows], twins.pictures[rows]
    if min(len(set(memes)), len(set(pictures))) < _N_FOLDS:
        raise LeakError(
            f"{len(set(memes))} memes of {len(set(pictures))} pictures are too few to tell what one modality gives "
            "away; use more data"
        )
    by_split = np.unique([twins.splits[row] for row in rows], return_inverse=True)[1].astype(np.int64)

    def words(fitted: Rows, asked: Rows) -> tuple[Any, Any]:
        vectors = TextVectors([samples[row] for row in fitted])
        return vectors([samples[row] for row in fitted]), vectors([samples[row] for row in asked])

    def picture(fitted: Rows, asked: Rows) -> tuple[Any, Any]:
        scaler = StandardScaler().fit(shown[fitted])
        return scaler.transform(shown[fitted]), scaler.transform(shown[asked])

    by_words = _scores(words, by_split if swap == "words" else memes, labels)
    by_picture = _scores(picture, pictures, labels)
    return [
        _leak("words alone", "logistic regression on TF-IDF", by_words, labels, memes, seed),
        _leak("picture alone", "logistic regression on tower features", by_picture, labels, pictures, seed),
    ]


def check_leaks(leaks: Sequence[Leak]) -> None:
    """Raises ``LeakError`` for a modality that tells more than the guard allows."""
    for leak in leaks:
        if leak.is_leak:
            raise LeakError(
                f"{leak.modality} gives away which memes are mismatched: AUROC {interval_text(leak.auroc)} on {leak.n} "
                f"samples, and no more than {MAX_AUROC} is allowed, nor less than {1 - MAX_AUROC:.2f}. Such a set "
                "measures nothing, so nothing was written; use another swap, another seed or more memes"
            )


def _scores(vectors: Callable[[Rows, Rows], tuple[Any, Any]], groups: Rows, labels: Rows) -> Floats:
    """Decision values [M] of models that were fitted without the groups that they are asked about."""
    scores = np.zeros(len(labels))
    for fitted, asked in GroupKFold(min(_N_FOLDS, len(set(groups)))).split(labels, labels, groups):
        known, unknown = vectors(fitted, asked)
        scores[asked] = LogisticRegression(C=0.1, max_iter=1000).fit(known, labels[fitted]).decision_function(unknown)
    return np.round(scores, 6)  # what differs in the last digits is the same


def _leak(modality: str, model: str, scores: Floats, labels: Rows, groups: Rows, seed: int) -> Leak:
    found = bootstrap(_AUROC, labels, scores, n_resamples=_RESAMPLES, seed=seed, groups=groups)
    return Leak(modality, model, len(labels), found)


def _balanced(what: str, keys: Sequence[Hashable], labels: Rows) -> None:
    difference: Counter[Hashable] = Counter()
    for key, label in zip(keys, labels.tolist(), strict=True):
        difference[key] += 1 if label else -1
    odd = sum(1 for n in difference.values() if n)
    if odd:
        raise LeakError(f"{odd} of {len(difference)} {what}s are not as often mismatched as matched in {TASK}")


def _name_key(sample: Sample) -> str:
    return (name_in(sample.text) or "").casefold()
