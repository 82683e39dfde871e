"""Shadows beside the app: what they keep, what they drop, and that nobody's answer is another for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.ledgers import database_of

from model import Scorer
from serving.app_state import AppState
from serving.http.app import create_app
from serving.ledger.queries import delete_decisions
from serving.ledger.tables import shadow_decisions
from serving.settings import Settings
from serving.shadow.subject import is_sampled

POLICIES = """\
format_version: 1
default: lenient
policies:
  lenient:
    version: "1"
    thresholds:
      hateful: {review: 1.0, block: never}
  strict:
    version: "2"
    thresholds:
      hateful: {review: 0.0, block: never}
"""
TEXTS = ["tea is ready", "monday again", "nobody knows why", "on the first try"]


@contextmanager
def shadowed(scorer: Scorer, url: str, folder: Path, **settings: Any) -> Iterator[TestClient]:
    (folder / "policies.yaml").write_text(POLICIES)
    given = {"ocr": "none", "ledger_url": url, "policy_file": folder / "policies.yaml"}
    state = AppState(Settings.model_validate(given | settings), scorer)
    with TestClient(create_app(lambda: state), raise_server_exceptions=False) as client:
        yield client


def judge_all(client: TestClient, texts: list[str] = TEXTS) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client.post(
        "/v1/classify", json={"items": [{"text": text} for text in texts]}
    ).json()["results"]
    return results


def kept_rows(url: str) -> dict[str, dict[str, Any]]:
    """By decision; of an app that has stopped, so that all is written."""
    database = database_of(url)
    with database.reading() as connection:
        rows = {row["decision_id"]: dict(row) for row in connection.execute(shadow_decisions.select()).mappings()}
    database.close()
    return rows


def test_a_shadow_policy_is_kept_beside_each_decision_and_changes_none(
    scorer: Scorer, ledger_url: str, tmp_path: Path
) -> None:
    with shadowed(scorer, ledger_url, tmp_path, shadow_policy="strict") as client:
        verdicts = judge_all(client)
        metrics = client.get("/metrics").text
    rows = kept_rows(ledger_url)
    assert [verdict["decision"] for verdict in verdicts] == ["allow"] * len(TEXTS)
    assert set(rows) == {verdict["decision_id"] for verdict in verdicts}
    assert {(row["kind"], row["name"], row["outcome"], row["decision"]) for row in rows.values()} == {
        ("policy", "strict", "judged", "review")
    }
    assert all("review threshold" in row["reasons"][0] for row in rows.values())
    assert (
        f'memeguard_shadow_flips_total{{decision="allow",kind="policy",shadow_decision="review"}} {len(TEXTS)}.0'
        in (metrics)
    )


def test_what_a_shadow_said_goes_with_its_decision(scorer: Scorer, ledger_url: str, tmp_path: Path) -> None:
    with shadowed(scorer, ledger_url, tmp_path, shadow_policy="strict") as client:
        first, *others = [verdict["decision_id"] for verdict in judge_all(client)]
    database = database_of(ledger_url)
    with database.deleting() as connection:
        assert delete_decisions(connection, [first]) == 1
    database.close()
    assert set(kept_rows(ledger_url)) == set(others)


def test_a_share_is_the_same_decisions_at_every_look(scorer: Scorer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with shadowed(scorer, url, tmp_path, shadow_policy="strict", shadow_share=0.5) as client:
        verdicts = [verdict for _ in range(4) for verdict in judge_all(client)]
    chosen = {verdict["decision_id"] for verdict in verdicts if is_sampled(verdict["decision_id"], 0.5)}
    assert set(kept_rows(url)) == chosen
    drawn = [is_sampled(str(n), 0.25) for n in range(4000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.25, abs=0.03)
    assert not any(is_sampled(str(n), 0.0) for n in range(100))
    assert all(is_sampled(str(n), 1.0) for n in range(100))
