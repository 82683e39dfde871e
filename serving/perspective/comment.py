"""Words of a comment as people see them, with the place of each in what was sent, and their sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from model.meme import has_words

#: What ends a sentence: its marks with what they close, or the end of its line. Tried at the first mark of a row only,
#: and without going back in it, so that no text takes longer than its length.
_MARKS, _CLOSERS = ".!?\u2026\u3002\uff01\uff1f", "\"'\u2019\u201d)\\]"
_END = re.compile(rf"(?<![{_MARKS}])[{_MARKS}]++[{_CLOSERS}]*+(?=\s|$)|\n")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)|<[!?/]")
#: Zeros before a number are read as browsers do, however many; ``unescape`` refuses a number of thousands of digits.
_REFERENCE = re.compile(r"&(?:#0*+[1-9][0-9]{0,6}|#[xX]0*+[1-9A-Fa-f][0-9A-Fa-f]{0,5}|[A-Za-z][A-Za-z0-9]{1,31});?")
_ZEROS = re.compile(r"(?<=[#xX])0+")
#: As browsers have it: "--!>" ends a comment too, and "<!-->" is a whole one.
_COMMENT, _COMMENT_END = "<!--", re.compile("--!?>")
#: Elements in which everything up to their end is text: what looks like a tag or a comment there is shown.
_ENDS_OF_TEXT = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("textarea", "title", "xmp")}
#: Elements that stand within a line; all others begin a new one.
_INLINE = frozenset(
    [
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "q", "s"),
        *("small", "span", "strong", "sub", "sup", "u", "wbr"),
    ]
)


@dataclass(frozen=True)
class Span:
    """A part of the words, from ``start`` to before ``end``."""

    start: int
    end: int


@dataclass(frozen=True)
class Comment:
    """What is judged of a comment. ``places[i]`` is where ``words[i]`` was written in ``sent``; None: at i."""

    words: str = field(repr=False)
    sent: str = field(repr=False)
    places: tuple[Span, ...] | None = field(default=None, repr=False)

    def sent_place(self, span: Span) -> tuple[int, int]:
        """Where a part of the words was written, counted in units of UTF-16 as Perspective does."""
        if len(self.words) == span.end - span.start:
            start, end = 0, len(self.sent)
        elif self.places is None:
            start, end = span.start, span.end
        else:
            start, end = self.places[span.start].start, self.places[span.end - 1].end
        return _utf16_length(self.sent[:start]), _utf16_length(self.sent[:end])

    def sentences(self, at_most: int) -> list[Span]:
        """The sentences in which there is anything to be seen; where there are too many, neighbours share a part."""
        found = list(self._sentences())
        size = -(-len(found) // at_most)
        groups = [found[first : first + size] for first in range(0, len(found), max(size, 1))]
        return [Span(group[0].start, group[-1].end) for group in groups]

    def _sentences(self) -> Iterator[Span]:
        """Each without the spaces around it."""
        ends = [*(match.end() for match in _END.finditer(self.words)), len(self.words)]
        for start, end in pairwise([0, *ends]):
            written = self.words[start:end]
            if has_words(written):
                yield Span(end - len(written.lstrip()), start + len(written.rstrip()))


def plain_comment(text: str) -> Comment:
    """A comment that is judged as it stands."""
    return Comment(text, text)


def html_comment(text: str) -> Comment:
    """A comment whose tags are left out; elements that begin a line begin one of the words.

    What is no whole tag counts as words, and so does what stands in a script: a page may show it. Not ``html.parser``,
    which takes 14 s for 20 kB of "<a " and has no place for each character.
    """
    words: list[str] = []
    places: list[Span] = []
    at = 0
    for tag in _tags(text):
        _read(text, Span(at, tag.start), words, places)
        at = tag.end
        name = _TAG.match(text, tag.start)
        if words and name and name[1] and name[1].lower() not in _INLINE:
            words.append("\n")
            places.append(Span(tag.start, tag.start))
    _read(text, Span(at, len(text)), words, places)
    return Comment("".join(words), text, tuple(places))


def _tags(text: str) -> Iterator[Span]:
    """Tags and comments that are whole. Each end is looked for once, so that nothing takes longer than its length."""
    at, may_have_comments = 0, True
    while (start := text.find("<", at)) >= 0:
        at = start + 1
        if may_have_comments and text.startswith(_COMMENT, start):
            comment_end = _COMMENT_END.search(text, start + 2)
            may_have_comments = comment_end is not None
            if comment_end is not None:
                at = comment_end.end()
                yield Span(start, at)
        elif tag := _TAG.match(text, start):
            end = text.find(">", start)
            if end < 0:
                return
            at = end + 1
            yield Span(start, at)
            at = _text_end(text, tag, at)


def _text_end(text: str, tag: re.Match[str], at: int) -> int:
    """Where tags are looked for again after this one, which ends at ``at``."""
    of_text = None if text[tag.start() + 1] == "/" else _ENDS_OF_TEXT.get((tag[1] or "").lower())
    if of_text is None:
        return at
    end = of_text.search(text, at)
    return len(text) if end is None else end.start()


def _read(text: str, part: Span, words: list[str], places: list[Span]) -> None:
    """Add the characters of a part without tags; a reference such as "&amp;" is what it stands for."""
    at = part.start
    for match in _REFERENCE.finditer(text, part.start, part.end):
        words.extend(text[at : match.start()])
        places.extend(Span(place, place + 1) for place in range(at, match.start()))
        chars = unescape(_ZEROS.sub("", match[0], count=1) if match[0][1] == "#" else match[0])
        words.extend(chars)
        places.extend([Span(*match.span())] * len(chars))
        at = match.end()
    words.extend(text[at : part.end])
    places.extend(Span(place, place + 1) for place in range(at, part.end))


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
