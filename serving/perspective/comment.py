"""Words of a comment as people see them, with the place of each in what was sent, and their sentences."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import accumulate

from model.meme import has_words

#: To the end of the marks that end a sentence, or of its line.
_SENTENCE = re.compile(r"\S[^\n]*?(?:[.!?\u2026\u3002\uff01\uff1f]+[\"'\u2019\u201d)\]]*(?=\s|$)|(?=\n|$))")
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
        found = [Span(*match.span()) for match in _SENTENCE.finditer(self.words) if has_words(match[0])]
        size = -(-len(found) // at_most)
        groups = [found[first : first + size] for first in range(0, len(found), max(size, 1))]
        return [Span(group[0].start, group[-1].end) for group in groups]


def plain_comment(text: str) -> Comment:
    """A comment that is judged as it stands."""
    return Comment(text, text)


def html_comment(text: str) -> Comment:
    """A comment whose tags are left out; elements that begin a line begin one of the words."""
    reader = _WordsOfHtml(text)
    reader.feed(text)
    reader.close()
    return Comment("".join(reader.words), text, tuple(reader.places))


class _WordsOfHtml(HTMLParser):
    """Reader of the words between tags. It takes any text for HTML, as browsers do.

    What stands in a script or a style counts as words too: a page that only takes the tags out shows it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.words: list[str] = []
        self.places: list[Span] = []
        self._text = text
        self._line_starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        self._begin_line(tag)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        self._begin_line(tag)

    def handle_data(self, data: str) -> None:
        """Words as they stand."""
        first = self._place
        self.words.extend(data)
        self.places.extend(Span(place, place + 1) for place in range(first, first + len(data)))

    def handle_entityref(self, name: str) -> None:
        """A character by its name."""
        self._add_reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        """A character by its number."""
        self._add_reference(f"&#{name}")

    @property
    def _place(self) -> int:
        line, column = self.getpos()
        return self._line_starts[line - 1] + column

    def _begin_line(self, tag: str) -> None:
        if tag not in _INLINE and self.words:
            self.words.append("\n")
            self.places.append(Span(self._place, self._place))

    def _add_reference(self, reference: str) -> None:
        first = self._place
        end = first + len(reference)
        chars = unescape(f"{reference};")
        self.words.extend(chars)
        self.places.extend([Span(first, end + self._text.startswith(";", end))] * len(chars))


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
