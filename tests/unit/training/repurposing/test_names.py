"""Names in words, by a rule, and their exchange."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.repurposing.names import exchange_partners, name_in, with_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("when you meet Anna Smith at the zoo", "Anna Smith"),
        ("Nobody: me in Paris, alone", "Paris"),
        ("Everybody went home. Then it rained", None),  # both stand at the beginning of a sentence
        ("see you on Monday, I said", None),
        ("see you on Monday, said Mary-Ann", "Mary-Ann"),
        ("ALL IN CAPITALS LIKE ANNA", None),
        ("all in small letters like anna", None),
        ("the O'Neil family", None),  # said in the docstring: a rule, and it does not see everything
    ],
)
def test_a_name_is_a_capitalised_word_within_a_sentence(text: str, name: str | None) -> None:
    assert name_in(text) == name


def test_a_name_is_replaced_everywhere_and_only_as_a_word() -> None:
    assert with_name("i saw Ann and Anna; Ann's dog", "Ann", "Bo\\1") == "i saw Bo\\1 and Anna; Bo\\1's dog"


@given(st.lists(st.sampled_from(["Ann", "Bo", "Cy", "Ann Lee", "Bo Ray", "ann"]), max_size=30), st.integers(0, 3))
def test_names_are_exchanged_two_by_two_for_another_name(names: list[str], seed: int) -> None:
    found = exchange_partners(names, np.random.default_rng(seed))
    assert all(found[other] == row for row, other in found.items())
    assert all(names[row].casefold() != names[other].casefold() for row, other in found.items())
    counts = Counter(name.casefold() for name in names)
    if_all = 2 * min(len(names) // 2, len(names) - max(counts.values(), default=0))
    assert len(found) >= if_all - 2 * len(counts)


def test_names_of_as_many_words_are_exchanged_with_each_other() -> None:
    names = ["Ann", "Ann Lee", "Bo", "Bo Ray"]
    assert exchange_partners(names, np.random.default_rng(0)) == {0: 2, 2: 0, 1: 3, 3: 1}
