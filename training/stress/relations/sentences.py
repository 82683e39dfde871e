"""Relations of words that change more than letters: emoji, harmless words added, quotation marks, reading direction.

All are words alone with a rule that undoes them, as in ``words``.
"""

import re
from functools import cache

import emoji
import numpy as np

from model.preprocess import normalise_text
from model.text.direction import RIGHT_TO_LEFT_OVERRIDE
from model.text.identity_terms import identity_patterns
from training.stress.relations.base import Seed, StressItem, registered
from training.stress.relations.words import WORD, WordRelation, has_joined_signs, of_longest_word

_POP_DIRECTION = "\u202c"
_CLAP = "\U0001f44f"
#: Emoji that stand for something else than what they are called by, and names that are words of another sense too.
_OTHER_MEANING = frozenset((
    "eggplant", "peach", "cherries", "snake", "hook", "fire", "ring", "key", "tram", "kiss", "turkey", "mate", "bear",
    "watch", "fly", "train", "pick", "link", "seal", "cook", "judge", "bug", "ram", "cricket", "prohibited", "plus",
    "minus",
))  # fmt: skip
_HARMLESS = (
    "the weather is lovely today",
    "my tea is still warm",
    "the train was on time this morning",
    "we are painting the garden fence green",
    "there is fresh bread in the kitchen",
)
_QUOTE = re.compile(r'"([^"]+)"|\u201c([^\u201d]+)\u201d|\u00ab([^\u00bb]+)\u00bb|\u201e([^\u201c]+)\u201c')


@registered
class Emoji(WordRelation):
    """Emoji between the words, or in place of the words that they are named by ("dog")."""

    name = "emoji"
    strengths = ("one between", "between all", "for words")
    source = "HatemojiCheck (Kirk and others, NAACL 2022)"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text with emoji."""
        words = text.split()
        if strength == "for words":
            return re.sub(r"[^\W\d_]+", lambda word: _as_emoji(word[0]), text)
        if strength == "between all" or len(words) < 2:
            return f" {_CLAP} ".join(words)
        at = int(rng.integers(1, len(words)))
        return " ".join([*words[:at], _CLAP, *words[at:]])

    def undone(self, written: str, meant: str) -> str | None:
        """Without the emoji between, and with those in place of words named, it is the seed."""
        if written.replace(_CLAP, " ").split() == meant.replace(_CLAP, " ").split():
            return "the seed's words in order, with clapping hands between them"
        named = re.sub(r"[^\W\d_]+", lambda word: _as_emoji(word[0]), meant)
        return "the seed with emoji in place of the words that Unicode names them by" if written == named else None


@registered
class BenignWords(WordRelation):
    """Harmless words beside the sentence: the word "love", a sentence behind it, or sentences before and behind.

    They say nothing about the sentence, which stays whole; so it means what it meant, hateful or harmless.
    """

    name = "benign_words"
    strengths = ("love", "one sentence", "four sentences")
    source = "Groendahl and others, AISec 2018; MTTM, benign context camouflage (ICSE 2023)"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text among harmless words."""
        if strength == "love":
            return f"{text} love"
        a, b, c, d = (f"{_HARMLESS[at][0].upper()}{_HARMLESS[at][1:]}." for at in rng.permutation(len(_HARMLESS))[:4])
        stopped = text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."
        return f"{stopped} {a}" if strength == "one sentence" else f"{a} {b} {stopped} {c} {d}"

    def undone(self, written: str, meant: str) -> str | None:
        """The seed stands in it, and all else is from our list."""
        for found in re.finditer(re.escape(meant.rstrip()), written):
            left = re.sub(r"[.\s]", "", written[: found.start()] + written[found.end() :]).lower()
            for sentence in (*_HARMLESS, "love"):
                left = left.replace(sentence.replace(" ", ""), "")
            if not left:
                return "the seed stands in it whole, among sentences that say nothing of it"
        return None


@registered
class QuotationMarks(WordRelation):
    """Quotation marks left out, all of them.

    That can change the meaning: who quotes hate to speak against it does not say it, and who is no longer seen to quote
    does. So it is done to hateful seeds, which only come to say outright what they said at a distance, and of harmless
    seeds to those that name no group of people, of which no attack on one can come.
    """

    name = "quotation_marks"
    strengths = ("removed",)
    source = "after HateCheck F20 and F21, counter speech that quotes (Roettger and others, ACL 2021)"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text without pairs of double quotation marks."""
        return _QUOTE.sub(lambda quote: next(part for part in quote.groups() if part is not None), text)

    def rule(self, seed: Seed, item: StressItem) -> str | None:
        """Hateful, or naming no group; and nothing but the marks is gone."""
        is_same = self.written(seed.text, "removed", np.random.default_rng(0)) == item.text
        if is_same and seed.hateful:
            return "the seed without quotation marks: hateful words said outright"
        return "the seed without quotation marks; it names no group" if is_same and not _names_group(seed) else None

    def undone(self, written: str, meant: str) -> str | None:
        """Not told by the words alone: ``rule`` asks for the label too."""
        return None


@registered
class Reversed(WordRelation):
    """Letters in reverse: all, shown forwards by Unicode's override; of the longest word; of each word; of all.

    The last two take effort to read; they are written to be decoded by who knows.
    """

    name = "reversed"
    strengths = ("shown forwards", "longest word", "every word", "whole text")
    source = "Bad Characters, reorderings (IEEE S&P 2022); plain reversal as in benchmarks.disguises"

    def written(self, text: str, strength: str, rng: np.random.Generator) -> str:
        """The text, reversed."""
        if strength == "shown forwards":
            return f"{RIGHT_TO_LEFT_OVERRIDE}{text[::-1]}{_POP_DIRECTION}" if text.isascii() else text
        if strength == "longest word":
            return of_longest_word(text, lambda word: word[::-1])
        if strength == "every word":
            return _words_reversed(text)
        return text if has_joined_signs(text) else text[::-1]

    def undone(self, written: str, meant: str) -> str | None:
        """Reversed once more, word by word or whole, it is the seed."""
        whole = written.removeprefix(RIGHT_TO_LEFT_OVERRIDE).removesuffix(_POP_DIRECTION)[::-1]
        words = zip(written.split(" "), meant.split(" "), strict=False)
        is_by_words = len(written) == len(meant) and all(new in (old, _words_reversed(old)) for new, old in words)
        return "reversed once more it is the seed" if whole == meant or is_by_words else None


def _words_reversed(text: str) -> str:
    return WORD.sub(lambda word: word[0][::-1], text)


def _names_group(seed: Seed) -> bool:
    text = normalise_text(seed.text).casefold()
    found = any(pattern.search(text) for of_class in identity_patterns().values() for pattern in of_class.values())
    return seed.group is not None or found


def _as_emoji(word: str) -> str:
    """The emoji that Unicode names ``word`` or its singular; else, and where it may be a name ("Rose"), the word."""
    names = _emoji_by_name()
    if not word.islower():
        return word
    if word in names:
        return names[word]
    return names[word[:-1]] * 2 if word.endswith("s") and word[:-1] in names else word


@cache
def _emoji_by_name() -> dict[str, str]:
    """Emoji whose name is one word, by it."""
    named = ((str(data["en"]).strip(":"), char) for char, data in emoji.EMOJI_DATA.items() if data["status"] == 2)
    return {name: char for name, char in named if name.isalpha() and name.islower() and name not in _OTHER_MEANING}
