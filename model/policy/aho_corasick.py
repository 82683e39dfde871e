"""Aho and Corasick's automaton: where many keys end in a text, found in one pass whatever their number."""

from collections import deque
from collections.abc import Iterator, Sequence


class Automaton:
    """Finds ``keys``; building takes time and memory in proportion to their characters."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._ending: list[list[int]] = [[]]
        for number, key in enumerate(keys):
            self._add(key, number)
        self._fallback = [0] * len(self._next)
        #: The state of the longest key that is a proper end of what a state stands for; 0: there is none.
        self._shorter = [0] * len(self._next)
        self._link()

    def ends(self, text: str) -> Iterator[tuple[int, int]]:
        """(place after a key's last character, the key's number) for every occurrence, in the order of places."""
        state = 0
        for index, char in enumerate(text, start=1):
            while state and char not in self._next[state]:
                state = self._fallback[state]
            state = found = self._next[state].get(char, 0)
            while found:
                for number in self._ending[found]:
                    yield index, number
                found = self._shorter[found]

    def _add(self, key: str, number: int) -> None:
        state = 0
        for char in key:
            if char not in self._next[state]:
                self._next[state][char] = len(self._next)
                self._next.append({})
                self._ending.append([])
            state = self._next[state][char]
        self._ending[state].append(number)

    def _link(self) -> None:
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for char, after in self._next[state].items():
                waiting.append(after)
                back = self._fallback[state]
                while back and char not in self._next[back]:
                    back = self._fallback[back]
                self._fallback[after] = back = self._next[back].get(char, 0)
                self._shorter[after] = back if self._ending[back] else self._shorter[back]
