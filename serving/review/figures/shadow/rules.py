"""Rules behind decisions: the reasons that were kept, without what was of one meme alone."""

import re
from collections.abc import Sequence

#: As ``model.policy.decide`` and ``known_memes`` write them. What has no number of its own is a rule as it stands.
_THRESHOLD = re.compile(r"^(?P<score>.+) [\d.]+ >= (?P<action>review|block) threshold [\d.]+(?P<of> of .+)?$")
_WORD_LIST = re.compile(r"^(?P<list>word list .+): \d+ match(es)?, which asks for (review|block)$")
_BANK = re.compile(r"^(?P<bank>bank .+): the .+ entry \S+, which (asks for|is quarantined) .+$")
_NOT_JUDGED = re.compile(r"^(?P<what>.+) \([a-z]+\)$")


def rule_of(reason: str) -> str:
    """The rule that a reason is of."""
    if found := _THRESHOLD.match(reason):
        return f"{found['score']} {found['action']} threshold{found['of'] or ''}"
    for pattern in (_WORD_LIST, _BANK, _NOT_JUDGED):
        if found := pattern.match(reason):
            return found[1]
    return reason


def rules_of(reasons: Sequence[str]) -> tuple[str, ...]:
    """The rules of several reasons, each once."""
    return tuple(dict.fromkeys(map(rule_of, reasons)))
