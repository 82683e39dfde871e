"""Results of a comparison in plain types."""

from dataclasses import asdict, dataclass, field
from typing import Any

from model.engine import REFERENCE, Engines


@dataclass(frozen=True)
class Contender:
    """One of the two bundles. ``given`` is how the caller named it: a folder or a tag of the store."""

    given: str
    name: str
    version: str
    digest: str
    size_bytes: int
    engines: Engines = REFERENCE


@dataclass(frozen=True)
class Line:
    """One metric of both bundles on the same items; ``difference`` is challenger minus champion, with its interval.

    ``group`` is empty for the whole set. ``p_value`` is the paired bootstrap's; for a group it is McNemar's exact one
    (1947), corrected after Holm (1979) over all group lines.
    """

    data: str
    task: str
    metric: str
    title: str
    n: int
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    p_value: float
    higher_is_better: bool = True
    group: str = ""

    def in_words(self) -> str:
        """One line for people."""
        where = f"{self.data}, {self.task}" + (f", {self.group}" if self.group else "")
        return (
            f"{self.title} on {where}: {self.champion:.3f} to {self.challenger:.3f}, difference {self.difference:+.3f} "
            f"({self.low:+.3f} to {self.high:+.3f}, p {p_text(self.p_value)}, {self.n} items)"
        )


@dataclass(frozen=True)
class AlarmLine:
    """False alarms in one group of one set, each bundle at its own thresholds; ``n`` are its harmless items.

    ``is_reference``: the items outside all groups. ``line`` is None where there are no such items.
    """

    data: str
    task: str
    group: str
    n: int
    is_reference: bool
    line: Line | None


@dataclass(frozen=True)
class Speed:
    """Milliseconds a meme, one at a time without OCR, both bundles in turn; ``ratio`` is challenger by champion."""

    champion_ms: float
    challenger_ms: float
    ratio: float
    low: float
    high: float
    n_rounds: int


@dataclass(frozen=True)
class ShadowRun:
    """What the challenger would have decided on live traffic, by the report of that name.

    Of ``judged`` decisions ``beside_champion`` were the champion's. ``review`` is the share that the challenger sends
    to review, with its 95% interval; None where it judged nothing.
    """

    report: str
    made_at: str
    sampled: int
    judged: int
    beside_champion: int
    flips: int
    review_in_force: float | None
    review: float | None
    low: float | None
    high: float | None

    def in_words(self) -> str:
        """One line for people."""
        if self.review is None or self.review_in_force is None:
            return f"on live traffic nothing was judged ({self.report})"
        return (
            f"on live traffic it sends {self.review:.3f} ({self.low:.3f} to {self.high:.3f}) to review, what was in "
            f"force {self.review_in_force:.3f}; {self.flips} of {self.judged} decisions would be others "
            f"({self.report}, {self.made_at})"
        )


@dataclass(frozen=True)
class Comparison:
    """Both bundles on the same memes. ``notes`` say what could not be compared, and why; ``shadow`` None: not asked."""

    champion: Contender
    challenger: Contender
    lines: list[Line] = field(default_factory=list)
    groups: list[Line] = field(default_factory=list)
    speed: Speed | None = None
    notes: list[str] = field(default_factory=list)
    alarms: list[AlarmLine] = field(default_factory=list)
    shadow: ShadowRun | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return asdict(self)


def p_text(p_value: float) -> str:
    """Three decimals, and never a zero."""
    return "<.001" if p_value < 0.001 else f"{p_value:.3f}"
