"""What a functional test found, as plain values: ``functions.json`` is these dataclasses, field by field."""

from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.metrics.bootstrap import Estimate
from training.evaluation.results import BundleRef, plain
from training.functions.templates import Label

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Row:
    """Pairs of one function, group or characteristic; shares with Wilson intervals.

    - ``hateful``, ``harmless``: of the cases of that label those on the right side of the threshold;
    - ``pairs``: both of a pair; ``ordered``: the hateful one has the higher score (chance: .5), whatever the threshold.
    """

    name: str
    says: str
    n_pairs: int
    hateful: Estimate
    harmless: Estimate
    pairs: Estimate
    ordered: Estimate


@dataclass(frozen=True)
class FunctionRow:
    """A function: ``label`` is that of the memes that do it, ``differs_in`` what tells each from its twin."""

    label: Label
    differs_in: str
    row: Row

    @property
    def right(self) -> Estimate:
        """Cases of the function."""
        return self.row.hateful if self.label == "hateful" else self.row.harmless

    @property
    def twins_right(self) -> Estimate:
        """Their twins."""
        return self.row.harmless if self.label == "hateful" else self.row.hateful


@dataclass(frozen=True)
class CaseResult:
    """One case by id, with its probability; ``is_right``: on the right side of the threshold. No words."""

    id: str
    function: str
    group: str
    label: Label
    picture: str
    score: float
    is_right: bool


@dataclass(frozen=True)
class FunctionsReport:
    """Everything that one call of ``memeguard evaluate --functions`` found.

    ``threshold`` is the one from which ``task`` goes to review by the bundle's own policy, for a picture with words.
    ``picture_alone`` is the most that can be right of all cases for who sees the picture alone; ``words_alone`` the
    same of the words.
    """

    bundle: BundleRef
    task: str
    threshold: float
    n_cases: int
    n_pictures: int
    all: Row
    functions: list[FunctionRow]
    groups: list[Row]
    characteristics: list[Row]
    differs_in: list[Row]
    picture_alone: float
    words_alone: float
    cases: list[CaseResult]
    command: str
    created: str
    packages: dict[str, str]
    format_version: int = FORMAT_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        found: dict[str, Any] = plain(asdict(self))
        return found
