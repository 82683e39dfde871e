"""Relations of words alone: letters written otherwise, which people read and a filter may not.

Each has a rule that undoes the change and finds the seed's words, so none needs OCR. The rules are strict on letters
and do not use the folding of ``model.text``, which is itself what a Memeguard target is tested on.
"""

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from model.bundle import COMPACT_BUNDLE
from model.text.leet import LEET
from training.data.text_augment import HOMOGLYPHS, ZERO_WIDTH
from training.stress.relations.base import Relation, Seed, StressItem, registered

#: A word of letters, an apostrophe within it included.
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
#: Letters of flags, skin tones, the joiner of emoji, and the tags of the flags of regions.
_JOINED = re.compile("[\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\u200d\U000e0020-\U000e007f]")
_GROENDAHL = "Groendahl and others, All You Need is Love, AISec 2018"
_BAD_CHARACTERS = "Boucher and others, Bad Characters, IEEE S&P 2022"


class WordRelation(Relation):
    """Changes the text; the item is words alone."""

    family = "words"

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        """The changed words; None where there was nothing to change."""
        changed = self.written(seed.text, strength, rng)
        return None if changed == seed.text else StressItem(None, changed)

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """The relation's own, of the item's words."""
        return self.undone(item.text or "", seed.text)

    @abstractmethod
    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """``text``, changed; the same where there is nothing to change."""

    @abstractmethod
    def undone(self, written: str, meant: str) -> str | None:
        """Why ``written`` says what is ``meant``; None: it does not surely."""


class _Substitution(WordRelation):
    """Some characters replaced by others of a table, which are read as the same."""

    strengths = ("10%", "30%", "100%")
    table: Mapping[str, Sequence[str]]

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """A share of the characters that the table has, one at least."""
        places = [at for at, char in enumerate(text) if char in self.table]
        chosen = {places[index] for index in chosen_of(len(places), strength, rng)}
        return "".join(
            self.table[char][int(rng.integers(len(self.table[char])))] if at in chosen else char
            for at, char in enumerate(text)
        )

    def undone(self, written: str, meant: str) -> str | None:
        """Character by character: the same, or one that the table has for it."""
        is_same = len(written) == len(meant) and all(
            new == old or new in self.table.get(old, ()) for new, old in zip(written, meant, strict=True)
        )
        return "each character is the seed's, or one of the table that is read as it" if is_same else None


@registered
class Homoglyph(_Substitution):
    """Cyrillic and Greek letters that look like the Latin ones: that share of those that have one."""

    name = "homoglyph"
    source = _BAD_CHARACTERS
    table = HOMOGLYPHS


@registered
class Leet(_Substitution):
    """Digits and signs for letters ("h4t3"): that share of the letters that have one."""

    name = "leet"
    source = "HateCheck F29 (Roettger and others, ACL 2021)"
    table = LEET


@registered
class ZeroWidth(WordRelation):
    """Characters that nobody sees, in that share of the places within words."""

    name = "zero_width"
    strengths = ("10%", "30%", "100%")
    source = _BAD_CHARACTERS

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text with invisible characters."""
        places = [match.start() for match in re.finditer(r"(?<=\w)(?=\w)", text)]
        chosen = {places[index] for index in chosen_of(len(places), strength, rng)}
        unseen = {at: ZERO_WIDTH[rng.integers(len(ZERO_WIDTH))] for at in sorted(chosen)}
        return "".join(unseen.get(at, "") + char for at, char in enumerate(text))

    def undone(self, written: str, meant: str) -> str | None:
        """Without them it is the seed."""
        left = written.translate(dict.fromkeys(map(ord, ZERO_WIDTH)))
        seen = meant.translate(dict.fromkeys(map(ord, ZERO_WIDTH)))
        return "without its invisible characters it is the seed" if left == seen else None


@registered
class Spacing(WordRelation):
    """Spaces put in or left out: the letters of the longest word apart, all words joined, or all letters apart."""

    name = "spacing"
    strengths = ("longest word apart", "words joined", "all letters apart")
    source = f"{_GROENDAHL}; HateCheck F27 and F28"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text with other spaces."""
        if strength == "words joined":
            return "".join(text.split())
        if strength == "longest word apart":
            return of_longest_word(text, " ".join)
        return text if has_joined_signs(text) else "   ".join(" ".join(word) for word in text.split())

    def undone(self, written: str, meant: str) -> str | None:
        """Without spaces both are the same."""
        return "the same letters in the same order, spaces apart" if _glued(written) == _glued(meant) else None


@registered
class Hashtag(WordRelation):
    """Words as hashtags: the longest one, each one, or all of them as one in capitals ("#ThisIsOneTag")."""

    name = "hashtag"
    strengths = ("longest word", "every word", "one tag")
    source = "MTTM, visual splitting and combination (Wang and others, ICSE 2023); our own form"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text with number signs."""
        if strength == "longest word":
            return of_longest_word(text, lambda word: f"#{word}")
        if strength == "every word":
            return WORD.sub(lambda word: f"#{word[0]}", text)
        words = re.findall(r"[\w']+", text)
        return "#" + "".join(word[:1].upper() + word[1:].replace("'", "") for word in words) if words else text

    def undone(self, written: str, meant: str) -> str | None:
        """The same letters, digits and signs such as emoji, case apart."""
        is_same = _letters(written) == _letters(meant)
        return "the same letters and emoji in the same order, number signs and capitals apart" if is_same else None


@registered
class Misspelling(WordRelation):
    """Two neighbours within a word change places: in the longest word, in a third of the words, in all (of 4 or more).

    People read words whose first and last letters stand (Rawlinson 1976), unless another word stands there then: "from"
    does not become "form".
    """

    name = "misspelling"
    strengths = ("longest word", "30%", "100%")
    source = "HateCheck F25; TextBugger (Li and others, NDSS 2019)"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text with letters swapped."""
        if strength == "longest word":
            return of_longest_word(text, lambda word: _swapped(word, rng))
        spans = [word.span() for word in WORD.finditer(text) if len(word[0]) > 3]
        for index in chosen_of(len(spans), strength, rng):
            start, end = spans[index]
            text = text[:start] + _swapped(text[start:end], rng) + text[end:]
        return text

    def undone(self, written: str, meant: str) -> str | None:
        """Each word has its letters, the first and the last in their place, at most two moved; none is a common one."""
        pairs = zip(WORD.findall(written), WORD.findall(meant), strict=False)
        is_same = len(written) == len(meant) and all(new == old or _is_misspelt(new, old) for new, old in pairs)
        return "each word has its letters, the first and last in place, two inner ones swapped" if is_same else None


def of_longest_word(text: str, change: Callable[[str], str]) -> str:
    """``text`` with its longest word changed, the first of them."""
    longest = max(WORD.finditer(text), key=lambda word: len(word[0]), default=None)
    return text if longest is None else text[: longest.start()] + change(longest[0]) + text[longest.end() :]


def chosen_of(n: int, strength: str, rng: np.random.Generator) -> list[int]:
    """Indices of a share ("30%") of ``n`` places, ascending; one at least, where there is one."""
    share = int(strength.removesuffix("%")) / 100
    return sorted(rng.choice(n, size=max(1, round(share * n)), replace=False).tolist()) if n else []


def _swapped(word: str, rng: np.random.Generator) -> str:
    """``word`` with two unlike neighbours within it swapped, where that makes no other word."""
    places = [at for at in range(1, len(word) - 2) if "'" not in word[at : at + 2]]
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places]
    misspelt = [new for new in swapped if _is_misspelt(new, word)]
    return misspelt[rng.integers(len(misspelt))] if misspelt else word


def _is_misspelt(new: str, old: str) -> bool:
    is_same = sorted(new) == sorted(old) and (new[0], new[-1]) == (old[0], old[-1])
    n_moved = sum(one != other for one, other in zip(new, old, strict=False))
    return is_same and n_moved == 2 and new.lower() not in _common_words()


@cache
def _common_words() -> frozenset[str]:
    """Words that are one token of the bundle that ships, in small letters: the common ones are."""
    return frozenset(Tokenizer.from_file(str(COMPACT_BUNDLE / "tokenizer.json")).get_vocab())


def has_joined_signs(text: str) -> bool:
    """Whether several characters make one sign (flags, families, skin tones, accents), as only their order does."""
    return any(_JOINED.match(char) or unicodedata.category(char).startswith("M") for char in text)


def _glued(text: str) -> str:
    return "".join(text.split())


def _letters(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char)[0] in "LNMS").casefold()
