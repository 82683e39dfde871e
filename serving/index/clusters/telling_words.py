"""Words that tell a cluster from the others: tf-idf against all memes, each word counted once a meme."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

_WORD = re.compile(r"[^\W\d_]{3,30}")
#: Words that are looked at: the most common, so that memory does not grow with the index.
_MOST_WORDS = 20_000
_MOST_SEEN = 500_000
_LEAST_MEMES = 2


def common_words(texts: Iterable[str]) -> dict[str, int]:
    """In how many memes each word is, of those that are in several, the most common of them."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_words(text))
        if len(counts) > _MOST_SEEN:  # rare ones go: none of them can tell a cluster from others
            counts = Counter({word: n for word, n in counts.items() if n > 1})
    return {word: n for word, n in counts.most_common(_MOST_WORDS) if n >= _LEAST_MEMES}


def telling_words(
    worded: Iterable[tuple[int, str]], common: Mapping[str, int], n_words: int
) -> dict[int, tuple[str, ...]]:
    """For each cluster its words, the most telling first. ``worded``: the cluster and the words of each meme."""
    by_cluster: dict[int, Counter[str]] = {}
    for cluster, text in worded:
        by_cluster.setdefault(cluster, Counter()).update(word for word in _words(text) if word in common)
    n_all = max(1, sum(common.values()))
    return {
        cluster: tuple(word for word, _ in _ranked(counts, common, n_all)[:n_words])
        for cluster, counts in by_cluster.items()
    }


def _ranked(counts: Counter[str], common: Mapping[str, int], n_all: int) -> list[tuple[str, float]]:
    """Words that are more frequent here than in all, by their share times the logarithm of how much more."""
    total = max(1, counts.total())
    weights = ((word, n / total * math.log(n / total * n_all / common[word])) for word, n in counts.items() if n > 1)
    return sorted(((word, weight) for word, weight in weights if weight > 0), key=lambda one: (-one[1], one[0]))


def _words(text: str) -> Iterator[str]:
    return iter(set(_WORD.findall(text.casefold())))
