"""Findings as JSON, with the distributions that they were made of, so that a report is the baseline of a later one."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from model.errors.validation import in_words
from serving.drift.compare import Finding, Limits
from serving.drift.errors import DriftError
from serving.drift.features import Feature, Kind, Role, Value
from serving.drift.window import Period, Window

_FORMAT = "memeguard-drift/1"


class _DistributionDoc(BaseModel):
    """Of one feature, how often each value was there."""

    model_config = ConfigDict(strict=True)

    name: str
    kind: Kind
    role: Role
    counts: list[tuple[float | str, int]]

    def values(self) -> Counter[Value]:
        """As they are counted here."""
        found: Counter[Value] = Counter()
        for value, n in self.counts:
            found[float(value) if self.kind == "number" else str(value)] += n
        return found


class _WindowDoc(BaseModel):
    """A window with all of its distributions."""

    start: AwareDatetime
    end: AwareDatetime
    decisions: int = Field(ge=0)
    distributions: list[_DistributionDoc]


class _ReportDoc(BaseModel):
    """What is read again of a report: its window. What else is in it was made of that."""

    model_config = ConfigDict(extra="ignore")

    format: Literal["memeguard-drift/1"]
    window: _WindowDoc


def as_json(window: Window, against: Window, limits: Limits, findings: Sequence[Finding]) -> str:
    """The whole report."""
    document = {
        "format": _FORMAT,
        "limits": {name: _finite(limit) for name, limit in asdict(limits).items()},
        "drifted": [finding.feature.name for finding in findings if finding.is_drift],
        "findings": [_finding(finding) for finding in findings],
        "window": _window(window),
        "against": _window(against),
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def read_baseline(path: Path) -> Window:
    """The window of a report that was kept; raises ``DriftError`` for a file that is none."""
    try:
        document = _ReportDoc.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DriftError(f"the baseline {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise DriftError(
            f"{path} is no report of `memeguard drift --format json`, which a baseline is: {in_words(error, 'report')}"
        ) from error
    found = document.window
    counts = {Feature(one.name, one.kind, one.role): one.values() for one in found.distributions}
    return Window(Period(found.start, found.end), found.decisions, counts)


def _finding(finding: Finding) -> dict[str, Any]:
    test = finding.test
    return {
        "name": finding.feature.name,
        "role": finding.feature.role,
        "n": finding.n,
        "n_against": finding.n_against,
        "test": None if test is None else test.name,
        "statistic": None if test is None else _finite(test.statistic),
        "p": None if test is None else test.p,
        "p_adjusted": finding.p_adjusted,
        "psi": finding.psi,
        "change": finding.change,
        "significant": finding.is_significant,
        "changed": finding.has_changed,
    }


def _finite(number: float) -> float | None:
    """None for infinite odds, as of a value that only one window has: JSON has no such number."""
    return number if math.isfinite(number) else None


def _window(window: Window) -> dict[str, Any]:
    return {
        "start": _moment(window.period.start),
        "end": _moment(window.period.end),
        "decisions": window.decisions,
        "distributions": [
            {"name": feature.name, "kind": feature.kind, "role": feature.role, "counts": sorted(counts.items())}
            for feature, counts in window.counts.items()
        ],
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat()
