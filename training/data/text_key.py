"""When two texts count as the same words."""

import unicodedata


def text_key(text: str) -> str:
    """The words of a text, for comparison only: without case, accents of width, punctuation and white space runs.

    Symbols stay: HatemojiBuild has sentences that differ in an emoji alone, with different labels. A text without a
    letter, digit or symbol has the key "", which is the same as no text.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(map(_kept, folded)).split())


def _kept(char: str) -> str:
    """The character itself, a space for punctuation, nothing for what cannot be seen."""
    category = unicodedata.category(char)
    if category[0] in "ZP" or category == "Cc":
        return " "
    return "" if category[0] == "C" or char == "\ufe0f" else char
