"""Reports as JSON that every reader takes."""

import json
import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from serving.drift.compare import Limits, compare
from serving.drift.features import DECISION, Value
from serving.drift.report import as_json
from serving.drift.window import Period, Window

PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


def _window(**decisions: int) -> Window:
    counts: Counter[Value] = Counter(decisions)
    return Window(PERIOD, counts.total(), {DECISION: counts})


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def test_infinite_odds_are_null_since_json_has_no_such_number() -> None:
    window, against, limits = _window(allow=500, block=3), _window(allow=480), Limits(psi=math.inf)
    findings = compare(window, against, limits)
    assert findings[0].test is not None
    assert math.isinf(findings[0].test.statistic)
    report = json.loads(as_json(window, against, limits, findings), parse_constant=_no_number)
    assert (report["findings"][0]["test"], report["findings"][0]["statistic"]) == ("Fisher exact", None)
    assert report["findings"][0]["p"] == pytest.approx(findings[0].test.p)
    assert report["limits"] == {"alpha": limits.alpha, "psi": None}
