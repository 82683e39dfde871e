"""Sentences of templates: each set of templates filled with a dozen groups and words, the same ones every time.

All templates of a set get the same group, the same words and the same way of writing, so that nothing but their own
words tells them apart. Groups are dealt out evenly.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.datasets.minimal_pairs.templates import SLOT, Group, Template, TemplateSet, Words, slot_name
from training.datasets.text_key import text_key

N_FILLINGS = 12
#: Letters that sound like consonants, and the reverse.
_SOUNDS_OPEN = re.compile(r"(?!uk|uni|use|eu|one\b)[aeiou]|honest|hour|heir|lgbt|hiv", re.IGNORECASE)


@dataclass(frozen=True)
class Filled:
    """A sentence. ``filling`` counts those of its set: sentences of one set and filling are a minimal pair.

    ``group`` is None where the template names none.
    """

    template: Template
    set_id: str
    filling: int
    group: Group | None
    text: str


@dataclass(frozen=True)
class _Filling:
    """What one filling of a set puts into its slots, and how it is written."""

    group: Group
    values: Mapping[str, str]
    opener: str
    tail: str


def fill_sets(sets: Sequence[TemplateSet], words: Words) -> Iterator[Filled]:
    """Every filling of every set; no two sentences have the same words."""
    dealt: Counter[tuple[bool, str]] = Counter()
    seen: set[str] = set()
    for one in sets:
        for number, filling in enumerate(_fillings(one, words, dealt)):
            for template in one.templates:
                text = filled(template.text, filling.values, filling.opener, filling.tail)
                if (key := text_key(text)) not in seen:
                    seen.add(key)
                    group = filling.group if template.slots & filling.group.forms.keys() else None
                    yield Filled(template, one.id, number, group, text)


def filled(text: str, values: Mapping[str, str], opener: str = "", tail: str = "") -> str:
    """A template with its slots filled. One that is written without capitals stays so."""
    sentence = SLOT.sub(lambda found: _value(found[1], values), text)
    sentence = " ".join(filter(None, (opener, sentence, tail)))
    return sentence if any(char.isupper() for char in text) else sentence.lower()


def _value(written: str, values: Mapping[str, str]) -> str:
    value = values[slot_name(written)]
    if re.match(r"an?_", written, re.IGNORECASE):
        value = f"{'an' if _SOUNDS_OPEN.match(value) else 'a'} {value}"
    if written.isupper():
        return value.upper()
    return value[0].upper() + value[1:] if written[0].isupper() else value


def _fillings(one: TemplateSet, words: Words, dealt: Counter[tuple[bool, str]]) -> Iterator[_Filling]:
    rng = _rng(one.id)
    columns = {slot: rng.permutation(words.slots[slot]).tolist() for slot in sorted(one.slots & words.slots.keys())}
    openers, tails = (rng.permutation(list(there)).tolist() for there in (words.openers, words.tails))
    for number, group in enumerate(_deal(one, words, dealt, rng)):
        values = {slot: column[number % len(column)] for slot, column in columns.items()}
        values |= {slot: forms[int(rng.integers(len(forms)))] for slot, forms in group.forms.items()}
        # Every second filling is written as it stands; the others have a word or two before or after.
        place = number // 4
        opener = openers[place % len(openers)] if number % 4 == 1 else ""
        tail = tails[place % len(tails)] if number % 4 == 3 else ""
        yield _Filling(group, values, opener, tail)


def _deal(one: TemplateSet, words: Words, dealt: Counter[tuple[bool, str]], rng: np.random.Generator) -> list[Group]:
    """The groups that have every form that the set asks for, those first that had the fewest sentences so far."""
    needed = one.slots & words.group_slots
    fitting = [
        group for group in words.groups if needed <= group.forms.keys() and not (one.is_apart and group.is_everywhere)
    ]
    labels = [template.is_hateful for template in one.templates if template.slots & words.group_slots]
    order = [fitting[index] for index in rng.permutation(len(fitting))]
    order.sort(key=lambda group: sum(dealt[label, group.name] for label in labels))
    chosen = order[:N_FILLINGS]
    dealt.update((label, group.name) for group in chosen for label in labels)
    return chosen


def _rng(seed: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
