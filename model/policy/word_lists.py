"""Lists of words that a policy looks for in the judged text, whatever disguise they are written in.

Both sides are folded (``text/readings.py``). Letters may be stretched ("woooord": three or more stand for one or two)
or spaced out ("w o r d"), and digits and signs may stand for letters ("w0rd"); words of one or two letters are looked
for without these liberties, since "5s" is no "ss".
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from model.policy.aho_corasick import Automaton
from model.text.readings import Folded, Reading, fold, readings
from model.verdict import Action, WordMatch

MAX_ENTRY_CHARS = 200
#: Matches of one list that are told; more of the same would only make answers long.
MAX_MATCHES_TOLD = 100

_MIN_LETTERS_IN_DISGUISE = 3
#: Shorter words must be all that is spaced out: "a t o m s" holds "tom" by chance.
_MIN_LETTERS_WITHIN_SPACED_OUT = 4
_STRETCHED = 3
_RUN = re.compile(r"(.)\1*", re.DOTALL)


class Run(NamedTuple):
    """The same character once or more, at ``start`` to ``end``."""

    char: str
    start: int
    end: int

    @property
    def length(self) -> int:
        """How often."""
        return self.end - self.start


@dataclass(frozen=True)
class WordList:
    """Words or sentences under one name. Without ``whole_words`` they are found within other words too."""

    name: str
    action: Action
    entries: tuple[str, ...]
    whole_words: bool = True


class _Entry:
    """An entry ready to be compared. ``key`` is what the automaton looks for: each run of a character once."""

    def __init__(self, entry: str, word_list: WordList) -> None:
        chars = folded_entry(entry)
        self.word_list = word_list
        self.runs = _runs(chars)
        self.key = "".join(run.char for run in self.runs)
        self.n_chars = len(chars)
        self.may_be_disguised = sum(char.isalpha() for char in chars) >= _MIN_LETTERS_IN_DISGUISE
        self.may_be_spaced_out = self.may_be_disguised and chars.isalnum()

    def place_in(self, runs: Sequence[Run]) -> tuple[int, int] | None:
        """From where to where ``runs``, whose characters are those of ``key``, hold the entry; None: they do not."""
        start, end = runs[0].start, runs[-1].end
        for index, (wanted, found) in enumerate(zip(self.runs, runs, strict=True)):
            if found.length == wanted.length or self._is_stretched(wanted, found):
                continue
            if self.word_list.whole_words or found.length < wanted.length:
                return None
            if index == 0:
                start = found.end - wanted.length
            elif index == len(runs) - 1:
                end = found.start + wanted.length
            else:
                return None
        return start, end

    def _is_stretched(self, wanted: Run, found: Run) -> bool:
        enough = max(_STRETCHED, wanted.length)
        return self.may_be_disguised and wanted.char.isalpha() and found.length >= enough


class WordFinder:
    """Looks for every entry of several lists at once. Safe under threads; time goes with the text, not the lists."""

    def __init__(self, word_lists: Sequence[WordList]) -> None:
        self._entries = [_Entry(entry, one) for one in word_lists for entry in dict.fromkeys(one.entries)]
        self._automaton = Automaton([entry.key for entry in self._entries])

    def find(self, text: str) -> tuple[WordMatch, ...]:
        """Matches with their places in ``text``, in its order; of each list the first ``MAX_MATCHES_TOLD``."""
        if not self._entries:
            return ()
        found: set[WordMatch] = set()
        for reading in readings(text):
            found.update(self._in_words(reading))
            if reading.may_be_spaced_out:
                for letters in reading.folded.spaced_out():
                    found.update(self._in_spaced_out(letters))
        told: Counter[str] = Counter()
        matches = []
        for match in sorted(found, key=lambda match: (match.start, match.end, match.word_list)):
            told[match.word_list] += 1
            if told[match.word_list] <= MAX_MATCHES_TOLD:
                matches.append(match)
        return tuple(matches)

    def _in_words(self, reading: Reading) -> Iterator[WordMatch]:
        folded = reading.folded
        inside = folded.inside_words()
        for entry, start, end in self._places(folded, may_be_leet=reading.may_be_leet):
            is_whole = not (inside[start] or inside[end])
            may_be_part = not (entry.word_list.whole_words or reading.whole_words)
            if (is_whole or may_be_part) and entry.n_chars >= reading.min_chars:
                yield _match(entry, folded, start, end)

    def _in_spaced_out(self, letters: Folded) -> Iterator[WordMatch]:
        for entry, start, end in self._places(letters):
            is_all = end - start == len(letters.chars)
            if entry.may_be_spaced_out and (is_all or entry.n_chars >= _MIN_LETTERS_WITHIN_SPACED_OUT):
                yield _match(entry, letters, start, end)

    def _places(self, folded: Folded, *, may_be_leet: bool = True) -> Iterator[tuple[_Entry, int, int]]:
        for reading in folded.readings() if may_be_leet else [folded.chars]:
            starts = [run.start() for run in _RUN.finditer(reading)]
            keys = "".join([reading[start] for start in starts])
            starts.append(len(reading))
            for index, number in self._automaton.ends(keys):
                entry = self._entries[number]
                if reading != folded.chars and not entry.may_be_disguised:
                    continue
                first = index - len(entry.key)
                runs = [Run(keys[at], starts[at], starts[at + 1]) for at in range(first, index)]
                span = entry.place_in(runs)
                if span is not None:
                    yield entry, *span


def folded_entry(entry: str) -> str:
    """An entry as it is compared; blank when it holds nothing that could be found."""
    return fold(entry).chars.strip()


def _runs(chars: str) -> list[Run]:
    return [Run(run[1], *run.span()) for run in _RUN.finditer(chars)]


def _match(entry: _Entry, folded: Folded, start: int, end: int) -> WordMatch:
    one = entry.word_list
    return WordMatch(one.name, *folded.written(start, end), one.action)
