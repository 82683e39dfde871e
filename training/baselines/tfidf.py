"""TF-IDF of words and of letters: what the words alone give away, without any network (Salton & Buckley 1988)."""

from collections.abc import Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from model.preprocess import normalise_text
from training.datasets import Sample


class TextVectors:
    """Word 1- and 2-grams beside letter 2- to 5-grams, which survive odd spelling; the vocabulary is train's."""

    def __init__(self, train: Sequence[Sample]) -> None:
        """Raises ``ValueError`` when no sample has a word."""
        self._union = FeatureUnion(
            [
                (
                    "words",
                    TfidfVectorizer(ngram_range=(1, 2), tokenizer=str.split, token_pattern=None, sublinear_tf=True),
                ),
                ("letters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)),
            ]
        )
        self._union.fit(_texts(train))

    def __call__(self, samples: Sequence[Sample]) -> Any:
        """A sparse matrix [N, vocabulary]."""
        return self._union.transform(_texts(samples)).tocsr()


def _texts(samples: Sequence[Sample]) -> list[str]:
    """The words as the network's tokenizer gets them: emoji by name, invisible characters gone."""
    return [normalise_text(sample.text) for sample in samples]
