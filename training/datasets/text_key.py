"""When two texts count as the same words, and a split that follows from the words."""

import hashlib
import unicodedata


def text_key(text: str) -> str:
    """The words of a text, for comparison only: without case, accents of width, punctuation and white space runs.

    Symbols stay: HatemojiBuild has sentences that differ in an emoji alone, with different labels. A text without a
    letter, digit or symbol has the key "", which is the same as no text.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(map(_kept, folded)).split())


def split_of_key(key: str) -> str:
    """``test`` or ``dev`` for a tenth of all keys each, else ``train``: for a set that has no official split.

    It depends on nothing but the key, so that texts of one key are in one split whatever else the file holds.
    """
    tenth = int.from_bytes(hashlib.sha256(key.encode("utf-8", "backslashreplace")).digest()[:8], "big") % 10
    return {0: "test", 1: "dev"}.get(tenth, "train")


def _kept(char: str) -> str:
    """The character itself, a space for punctuation, nothing for what cannot be seen."""
    category = unicodedata.category(char)
    if category[0] in "ZP" or category == "Cc":
        return " "
    return "" if category[0] == "C" or char == "\ufe0f" else char
