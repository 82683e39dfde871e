"""What disguises of words come to: ``python -m benchmarks.disguises [--texts FILE] [--ordinary FILE]``.

Prints a Markdown table: for each disguise, the share of words that a word list finds when they are written so, and of
sentences whose score stays within .1 of the plain sentence's when the word that weighs most in it is written so.
``--texts`` gives the sentences, one a line; those count of which one word moves the score by .2 or more, and the first
``--n`` of them are taken. With ``--ordinary`` (texts that nobody disguised, one a line) it also prints the share
that the network reads otherwise than if none of this were done, and how often a list of their words finds other ones.
"""

import argparse
import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.disguised_words import DISGUISES, Disguise
from model import Meme, Scorer, load
from model.policy.word_lists import WordFinder, WordList
from model.preprocess import normalise_text
from model.verdict import Failure, Score

WORDS = (
    "grumble", "turnip", "basket", "window", "orange", "cloudy", "picnic", "saddle", "thunder", "velvet", "whisper",
    "yellow", "blanket", "chimney", "dolphin", "feather", "gravel", "hammock", "kettle", "lantern", "muffin", "noodle",
    "parsley", "rhubarb", "sandal", "teapot", "umbrella", "violin", "walnut", "zipper",
)  # fmt: skip
SENTENCES = (
    "I hate all of those immigrants so much",
    "those immigrants are disgusting and should go away",
    "they are nothing but stupid vermin",
    "what a lovely day at the beach with friends",
    "these idiots ruin everything they touch",
)
_TASK = "hateful"
_NEAR = 0.1
_MOVES = 0.2


@dataclass(frozen=True)
class Sentence:
    """A sentence, from where to where its weightiest word is, and its score."""

    text: str
    start: int
    end: int
    score: float

    def written(self, disguise: Disguise, rng: random.Random) -> str:
        """The sentence with that word in disguise."""
        return self.text[: self.start] + disguise(self.text[self.start : self.end], rng) + self.text[self.end :]


def share_found(disguise: Disguise, words: Sequence[str], seed: int = 0) -> float:
    """Of ``words``, each within a sentence, those that are found where they stand."""
    rng = random.Random(seed)
    found = 0
    for word in words:
        written = disguise(word, rng)
        matches = WordFinder([WordList("words", "review", (word,))]).find(f"well, {written} it is")
        found += any(match.start < 6 + len(written) and match.end > 6 for match in matches)
    return found / len(words)


def share_kept(disguise: Disguise, sentences: Sequence[Sentence], scorer: Scorer, seed: int = 0) -> float:
    """Of ``sentences``, those whose score stays near with the word in disguise."""
    rng = random.Random(seed)
    scores = _scores(scorer, [sentence.written(disguise, rng) for sentence in sentences])
    near = [abs(score - sentence.score) <= _NEAR for score, sentence in zip(scores, sentences, strict=True)]
    return sum(near) / len(near)


def weighty(texts: Sequence[str], scorer: Scorer, n: int) -> list[Sentence]:
    """The first ``n`` of ``texts`` of which one word moves the score enough."""
    sentences: list[Sentence] = []
    for text in texts:
        spans = [word.span() for word in re.finditer(r"[A-Za-z]{4,}", text)]
        score, *without = _scores(scorer, [text, *(text[:start] + text[end:] for start, end in spans)])
        moved = [abs(score - other) for other in without]
        if moved and max(moved) >= _MOVES:
            sentences.append(Sentence(text, *spans[moved.index(max(moved))], score))
        if len(sentences) == n:
            break
    return sentences


def _scores(scorer: Scorer, texts: Sequence[str]) -> list[float]:
    verdicts = scorer.score([Meme.from_text(text) for text in texts])
    failures = [one for one in verdicts if isinstance(one, Failure)]
    if failures:
        raise ValueError(f"{len(failures)} texts were not judged: {failures[0]}")
    return [_probability(one.scores[_TASK]) for one in verdicts if not isinstance(one, Failure)]


def _probability(score: Score) -> float:
    if not isinstance(score, float):
        raise TypeError(f"{_TASK} is no yes/no task of this bundle")
    return score


def plainly_read(text: str) -> str:
    """What the network read of ``text`` if only its form were folded: NFKC, emoji by name."""
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf" and char != "\ufe0f")
    folded = unicodedata.normalize("NFKC", visible)
    return " ".join("".join(_named(char) for char in folded).split())


def _named(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cc" or (category == "Sk" and ord(char) > 0xFFFF):
        return " " if category == "Cc" else ""
    return f" {unicodedata.name(char, '').lower()} " if category == "So" and ord(char) > 0x2000 else char


def false_finds(texts: Sequence[str], n_words: int = 1000) -> tuple[int, int]:
    """Matches of words of ``texts`` whose letters are not those of such a word, stretched at most, and all matches."""
    words = sorted({word for text in texts for word in re.findall(r"[a-z]{4,}", text.lower())})
    chosen = random.Random(0).sample(words, min(n_words, len(words)))
    finder = WordFinder([WordList("words", "review", tuple(chosen))])
    meant = set(map(_letters, chosen))
    written = [text[match.start : match.end] for text in texts for match in finder.find(text)]
    return sum(_letters(word) not in meant for word in written), len(written)


def _letters(word: str) -> str:
    """Each run of a letter once."""
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[\W_]", "", word.lower()))


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="Disguised words: are they found, and is the score kept?")
    parser.add_argument("--texts", type=Path, help="sentences to be scored, one a line")
    parser.add_argument("--ordinary", type=Path, help="texts that nobody disguised, one a line")
    parser.add_argument("--n", type=int, default=40, help="sentences to score")
    arguments = parser.parse_args()
    scorer = load(ocr="none")
    texts = arguments.texts.read_text(encoding="utf-8").splitlines() if arguments.texts else SENTENCES
    sentences = weighty(texts, scorer, arguments.n)
    print(f"{len(WORDS)} words in a list, {len(sentences)} sentences scored\n")
    print("| disguise | found by a word list | score within .1 |\n|---|---:|---:|")
    for name, disguise in DISGUISES.items():
        kept = f"{share_kept(disguise, sentences, scorer):.0%}" if sentences else "-"
        print(f"| {name} | {share_found(disguise, WORDS):.0%} | {kept} |", flush=True)
    if arguments.ordinary:
        ordinary = arguments.ordinary.read_text(encoding="utf-8").splitlines()
        changed = sum(normalise_text(text) != plainly_read(text) for text in ordinary)
        n_false, n_found = false_finds(ordinary)
        print(
            f"\n{len(ordinary)} ordinary texts: the network reads {changed} ({changed / len(ordinary):.2%}) otherwise"
        )
        print(f"a list of 1,000 of their words finds {n_found}, of which {n_false} are other words")


if __name__ == "__main__":
    main()
