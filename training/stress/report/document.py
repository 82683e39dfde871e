"""What is reported of a stress test: rates, and all that is needed to run it again. ``report.json`` is it as JSON."""

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from operator import attrgetter
from typing import Any

from training.stress.rates import Rate, Rates, Row

#: Relations that are named as the worst.
_MOST = 4
_PACKAGES = ("numpy", "pillow", "rapidocr", "httpx")


@dataclass(frozen=True)
class StressReport:
    """``config`` is what the run was of, without secrets. ``stopped`` says why it is not whole, None: it is.

    ``sources`` are the relations' by name, ``about_seeds`` what is known of the set (licence, rows left out).
    """

    target: str
    command: str
    config: Mapping[str, Any]
    rates: Rates
    sources: Mapping[str, str]
    about_seeds: tuple[str, ...]
    n_calls: int
    n_found: int
    stopped: str | None
    created: str
    packages: Mapping[str, str]

    @property
    def rows(self) -> list[Row]:
        """Every row but those of strengths."""
        return [*self.rates.plain, self.rates.overall, *self.rates.families, *self.rates.relations]


def packages() -> dict[str, str]:
    """Versions of what draws, reads and asks."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def now() -> str:
    """This moment, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def to_json(report: StressReport) -> str:
    """The whole report."""
    return json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n"


def failures(rates: Rates, bound: float) -> list[str]:
    """Relations of which even the lower end of a rate's interval is over ``bound``, in words."""
    return [
        f"{kind} of {row.name}: {share_text(found)}"
        for row in (rates.overall, *rates.relations)
        for kind, found in (("misses", row.misses), ("false alarms", row.false_alarms))
        if found.share.low is not None and found.share.low > bound
    ]


def briefs(rates: Rates) -> list[str]:
    """The overall rates and the relations that break the target most, a line each; nothing where nothing was found."""
    lines = []
    for kind in ("misses", "false_alarms"):
        of: Callable[[Row], Rate] = attrgetter(kind)
        found = [row for row in rates.relations if of(row).errors]
        worst = sorted(found, key=lambda row: of(row).share.low or 0.0, reverse=True)[:_MOST]
        named = "; ".join(f"{row.name} {share_text(of(row))}" for row in worst)
        title = kind.replace("_", " ").capitalize()
        lines.append(f"{title}: {share_text(of(rates.overall))}" + (f". Most by {named}." if named else "."))
    return lines


def share_text(found: Rate) -> str:
    """``12% (8% to 18%), 14 of 120``; without a judged item the reason stands there."""
    share = found.share
    if share.value is None or share.low is None or share.high is None:
        return f"n/a ({share.reason})"
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%}), {found.errors} of {found.judged}"
