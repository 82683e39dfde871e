"""How much of a known text an OCR engine read: word F1 and character error, both micro averaged over pictures."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

# MultiOFF sentences are split as in the Penn Treebank ("did n't", "Obama 's", "gon na"); pictures are not.
_SPLIT_CLITIC = re.compile(r"\s+(?=(?:n't|'(?:s|re|ve|ll|d|m))\b)")
_SPLIT_CONTRACTION = re.compile(r"\b(?:(gon|wan)\s+(na)|(got)\s+(ta))\b")
_TOKEN = re.compile(r"[^\W_]+")


def tokens(text: str) -> list[str]:
    """Return the lower-cased alphanumeric runs of ``text``, contractions rejoined and apostrophes deleted."""
    folded = unicodedata.normalize("NFKC", text).lower()
    for quote in "\u2018\u2019\u00b4`":
        folded = folded.replace(quote, "'")
    folded = _SPLIT_CLITIC.sub("", folded)
    folded = _SPLIT_CONTRACTION.sub(lambda match: "".join(part for part in match.groups() if part), folded)
    return _TOKEN.findall(folded.replace("'", ""))


def edit_distance(first: str, second: str) -> int:
    """Levenshtein distance: the fewest insertions, deletions and substitutions of one character."""
    columns = np.arange(len(second) + 1)
    letters = np.array([ord(char) for char in second], dtype=np.int64)
    row = columns
    for index, char in enumerate(first, start=1):
        above = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(char)))
        best = np.concatenate(([index], above))
        row = np.minimum.accumulate(best - columns) + columns  # insertions: best[j] against best[i] + (j - i)
    return int(row[-1])


@dataclass(frozen=True)
class ReadingScore:
    """Counts over any number of pictures; add two scores to pool their pictures."""

    n_matched: int = 0
    n_reference_words: int = 0
    n_read_words: int = 0
    n_edits: int = 0
    n_reference_chars: int = 0

    def __add__(self, other: "ReadingScore") -> "ReadingScore":
        return ReadingScore(
            self.n_matched + other.n_matched,
            self.n_reference_words + other.n_reference_words,
            self.n_read_words + other.n_read_words,
            self.n_edits + other.n_edits,
            self.n_reference_chars + other.n_reference_chars,
        )

    @property
    def precision(self) -> float:
        """Share of the words read that the reference has."""
        return self.n_matched / self.n_read_words if self.n_read_words else 0.0

    @property
    def recall(self) -> float:
        """Share of the reference's words that were read."""
        return self.n_matched / self.n_reference_words if self.n_reference_words else 0.0

    @property
    def word_f1(self) -> float:
        """Harmonic mean of precision and recall, over multisets of tokens: order does not count, repeats do."""
        total = self.n_read_words + self.n_reference_words
        return 2 * self.n_matched / total if total else 1.0

    @property
    def character_error(self) -> float:
        """Edits per reference character, over tokens joined by one space: order and word breaks count."""
        return self.n_edits / self.n_reference_chars if self.n_reference_chars else float(self.n_edits > 0)


def score_reading(reference: str, read: str) -> ReadingScore:
    """Compare what was read with what is written on one picture."""
    expected, found = tokens(reference), tokens(read)
    matched = sum((Counter(expected) & Counter(found)).values())
    expected_text, found_text = " ".join(expected), " ".join(found)
    edits = edit_distance(expected_text, found_text)
    return ReadingScore(matched, len(expected), len(found), edits, len(expected_text))


def pooled(scores: Iterable[ReadingScore]) -> ReadingScore:
    """Add scores up, for the micro average."""
    return sum(scores, ReadingScore())
