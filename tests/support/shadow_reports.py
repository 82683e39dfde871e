"""Reports on a shadow bundle, as ``memeguard promote`` reads them."""

import json
from pathlib import Path
from typing import Any

from model.bundle import Bundle


def _share(hits: int, n: int) -> dict[str, Any]:
    return {"hits": hits, "n": n, "value": hits / n, "low": 0.0, "high": 1.0}


def shadow_report(folder: Path, challenger: Bundle, champion: Bundle, **changed: Any) -> Path:
    """As ``memeguard shadow report --format json`` writes it; tests/unit/serving/review holds what that writes."""
    of_policy = {"kind": "policy", "name": "strict", "version": "1", "digest": "p" * 64}
    one = {
        "subject": {"kind": "bundle", "name": "tiny", "version": "0.0.2", "digest": challenger.digest},
        "sampled": 1200,
        "judged": 1100,
        "flips": _share(40, 1100),
        "beside": [
            {"in_force": {"model_digest": champion.digest}, "judged": 1000},
            {"in_force": {"model_digest": "0" * 64}, "judged": 100},
        ],
        "to_review": {"in_force": _share(110, 1100), "shadow": _share(132, 1100), "difference": 0.02},
    }
    document = {
        "format": "memeguard-shadow-report",
        "format_version": 1,
        "made_at": "2026-12-01",
        "decisions": 5000,
        "shadows": [one | {"subject": of_policy}, one],
    }
    path = folder / "shadow.json"
    path.write_text(json.dumps(document | changed))
    return path
