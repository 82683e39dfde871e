"""What an operator wants done about a meme: named, versioned rules, which ``decide.py`` holds against its scores."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

from model.bundle import Manifest, ThresholdsByModality
from model.policy.word_lists import WordFinder, WordList
from model.verdict import Decision, KnownAction

DEFAULT_POLICY = "default"


@dataclass(frozen=True)
class Band:
    """A severity by name: scores from ``lower`` up to the next band's bound."""

    name: str
    lower: float


@dataclass(frozen=True)
class PartialRules:
    """What is done about a meme of which something was not judged: words of its text, or frames of its picture."""

    text: Decision = "review"
    picture: Decision = "review"


@dataclass(frozen=True)
class BankRule:
    """What is done about a meme that a bank knows, by the kind of match; None: what ``known_memes`` does of itself."""

    name: str
    same_meme: KnownAction | None = None
    same_picture: KnownAction | None = None
    same_words: KnownAction | None = None


@dataclass(frozen=True)
class Policy:
    """Thresholds and severity bands, lists of words, banks of known memes. Thresholds may differ by what was judged.

    Thresholds and severity bands are by the names of ``score_names``: a yes/no task or ``task.class``. Bands ascend and
    the first begins at 0, so that every score has one.
    """

    name: str
    version: str
    thresholds: Mapping[str, ThresholdsByModality]
    severity: Mapping[str, tuple[Band, ...]] = field(default_factory=dict)
    word_lists: tuple[WordList, ...] = ()
    partial: PartialRules = PartialRules()
    banks: tuple[BankRule, ...] = ()

    @cached_property
    def digest(self) -> str:
        """sha256 over everything the policy says: two policies that could decide differently differ in it."""
        rules: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            # Where all are alike as one: digests from before they could differ stay true.
            "thresholds": {task: (one.shared or one).model_dump() for task, one in self.thresholds.items()},
            "severity": {task: [asdict(band) for band in bands] for task, bands in self.severity.items()},
            "word_lists": [asdict(one) for one in self.word_lists],
        }
        if self.partial != PartialRules():  # digests from before this rule stay true
            rules["partial"] = asdict(self.partial)
        if self.banks:
            rules["banks"] = [asdict(one) for one in self.banks]
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    @cached_property
    def words(self) -> WordFinder:
        """What looks for the words of all lists; made once, at first use."""
        return WordFinder(self.word_lists)


def default_policy(manifest: Manifest) -> Policy:
    """The bundle's own thresholds, fitted on dev."""
    return Policy(DEFAULT_POLICY, manifest.version, manifest.thresholds)
