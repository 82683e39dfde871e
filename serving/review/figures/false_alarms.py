"""False alarms by group: of memes that a policy stopped, those that reviewers called harmless, by whom the words name.

No group is inferred from a face or a picture: the kept words alone are looked at, for neutral words for people.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.preprocess import normalise_text
from model.taxonomy import TASKS
from model.text.identity_terms import identity_patterns
from serving.ledger.queries import Label
from serving.review.figures.reviewed import ReviewedDecision
from serving.review.figures.shares import Share, share

#: The tasks for whose sake a meme is stopped.
_HARMS = ("hateful", "offensive", "memotion_offensive")
_NOBODY = "no group named"


@dataclass(frozen=True)
class GroupFalseAlarms:
    """Of the stopped and reviewed memes whose words name this group, those that are harmless."""

    group: str
    harmless: Share


@dataclass(frozen=True)
class FalseAlarms:
    """All of them, and by group; ``without_words``: whose words were not kept, so that no group could be told."""

    all: Share
    groups: tuple[GroupFalseAlarms, ...]
    without_words: int


def false_alarms(reviewed: Sequence[ReviewedDecision]) -> FalseAlarms:
    """A meme that names several groups counts in each; those that name nobody come first."""
    stopped = [(one, harmless) for one in reviewed if (harmless := _is_harmless(one)) is not None]
    n: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for one, harmless in stopped:
        for group in _groups(one.text):
            n[group] += 1
            hits[group] += harmless
    names = [name for name in (_NOBODY, *identity_patterns()) if n[name]]
    return FalseAlarms(
        share(sum(harmless for _, harmless in stopped), len(stopped)),
        tuple(GroupFalseAlarms(name.replace("_", " "), share(hits[name], n[name])) for name in names),
        sum(one.text is None for one, _ in stopped),
    )


def says_harmless(labels: Mapping[str, Label]) -> bool | None:
    """Whether labels of a meme call it harmless; None where they say nothing of harm."""
    said = [labels[task] == TASKS[task].classes[0] for task in _HARMS if task in labels]
    return all(said) if said else None


def _is_harmless(one: ReviewedDecision) -> bool | None:
    """None where it was not stopped, or nobody said whether it does harm."""
    return None if one.decision == "allow" else says_harmless(one.labels)


def _groups(text: str | None) -> Iterator[str]:
    if text is None:
        return
    plain = normalise_text(text).casefold()
    named = [
        group for group, terms in identity_patterns().items() if any(term.search(plain) for term in terms.values())
    ]
    yield from named or [_NOBODY]
