"""Shadows beside the app: what they keep, what they drop, and that nobody's answer is another for it."""

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from support.ledgers import database_of
from support.pictures import meme
from support.reviewing import Person, write_keys

from model import Judgement, Meme, Scorer
from model.ocr.base import Engine
from model.ocr.types import Line, OcrWord
from model.policy.file import PolicyFileError
from serving.app_state import AppState
from serving.http.app import create_app
from serving.ledger.queries import delete_decisions
from serving.ledger.tables import shadow_decisions
from serving.settings import Settings, SettingsError, from_env
from serving.shadow.bundle_process import judged
from serving.shadow.messages import ShadowJudgement, ShadowMeme
from serving.shadow.shadows import check_shadows
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


def test_a_shadow_policy_that_is_nowhere_is_told_and_costs_no_answer(scorer: Scorer, tmp_path: Path) -> None:
    settings = Settings(ocr="none", ledger_url=f"sqlite:///{tmp_path}/ledger.db", shadow_policy="nowhere")
    with pytest.raises(PolicyFileError, match=r"'nowhere' is neither a policy of this server \(.*\) nor a file"):
        check_shadows(settings)
    with shadowed(scorer, f"sqlite:///{tmp_path}/ledger.db", tmp_path, shadow_policy="nowhere") as client:
        assert judge_all(client)[0]["decision"] == "allow"
        readiness = client.get("/readyz").json()
    assert readiness["ready"]
    assert readiness["shadows"] == []
    assert any("'nowhere'" in warning for warning in readiness["warnings"])


def test_shadows_without_a_ledger_are_refused() -> None:
    with pytest.raises(SettingsError, match="shadow_policy and shadow_bundle need the ledger"):
        from_env({"MEMEGUARD_LEDGER_URL": "none", "MEMEGUARD_SHADOW_POLICY": "strict"})


def test_a_policy_of_another_file_is_followed_as_it_changes(scorer: Scorer, tmp_path: Path) -> None:
    url, other = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "other.yaml"
    other.write_text(POLICIES)
    choice = {"shadow_policy": f"{other}:lenient", "policy_reload_s": 0.05}
    with shadowed(scorer, url, tmp_path, **choice) as client:
        before = judge_all(client, TEXTS[:1])[0]["decision_id"]
        other.write_text(POLICIES.replace("review: 1.0", "review: 0.0"))
        digest = client.get("/v1/policies").json()["shadow"]["digest"]
        ends = time.monotonic() + 30
        while client.get("/v1/policies").json()["shadow"]["digest"] == digest:
            assert time.monotonic() < ends
            time.sleep(0.05)
        after = judge_all(client, TEXTS[:1])[0]["decision_id"]
    rows = kept_rows(url)
    assert (rows[before]["decision"], rows[after]["decision"]) == ("allow", "review")


def test_banks_of_a_shadow_policy_are_asked_though_the_one_in_force_names_none(scorer: Scorer, tmp_path: Path) -> None:
    url, other = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "banked.yaml"
    banked = POLICIES.replace('version: "1"\n', 'version: "1"\n    banks: {removed: {}}\n', 1)
    other.write_text(banked)
    with shadowed(scorer, url, tmp_path, shadow_policy=str(other)) as client:
        assert client.post("/v1/banks", json={"name": "removed", "action": "block"}).status_code == 201
        sent: dict[str, Any] = {"files": {"image": meme(3)}, "data": {"text": "tea is ready"}}
        kept = client.post("/v1/banks/removed/entries", **sent)
        assert kept.status_code == 201, kept.text
        ends = time.monotonic() + 30
        while not client.post("/v1/match", **sent).json()["matches"]:
            assert time.monotonic() < ends
            time.sleep(0.1)
        known = client.post("/v1/classify", **sent).json()
        other_meme = client.post("/v1/classify", files={"image": meme(4)}, data={"text": "monday again"}).json()
        while 'outcome="judged"} 2.0' not in client.get("/metrics").text:  # they wait for a core
            assert time.monotonic() < ends
            time.sleep(0.02)
    rows = kept_rows(url)
    assert (known["decision"], rows[known["decision_id"]]["decision"]) == ("allow", "block")
    assert rows[other_meme["decision_id"]]["decision"] == "allow"


class TwoTexts(Engine):
    """An engine that reads other words from a bright picture than from a dark one."""

    name, version = "two", "1"

    def unavailable_reason(self) -> str | None:
        return None

    def _find_lines(self, image: NDArray[np.uint8]) -> Sequence[Line]:
        text = "tea is ready" if image.mean() > 127 else "monday again"
        return [[OcrWord(text, (0, 0, 9, 9), 0.9)]]


def test_words_are_not_read_again_and_go_with_the_frames_that_they_are_of(scorer: Scorer) -> None:
    frames = [Image.new("L", (64, 64), grey) for grey in (10, 240)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=200)
    reading_scorer = Scorer(scorer.bundle, scorer.runtime, TwoTexts())
    (in_force,) = reading_scorer.judge([reading_scorer.read(Meme.from_bytes(file.getvalue()))])
    assert isinstance(in_force, Judgement)
    assert in_force.picture is not None
    views = tuple(view.text for view in in_force.picture.views)
    assert set(views) == {"tea is ready", "monday again"}
    found = judged(scorer, ShadowMeme(file.getvalue(), (), in_force.text, views))
    assert isinstance(found, ShadowJudgement)
    assert found.judgement.picture is not None
    assert [view.scores for view in found.judgement.picture.views] == [view.scores for view in in_force.picture.views]
    assert found.judgement.scores == in_force.scores


def test_leads_see_the_page_of_shadows_and_reviewers_do_not(scorer: Scorer, tmp_path: Path) -> None:
    keys_file, keys = write_keys(tmp_path)
    given = {"shadow_policy": "strict", "keys_file": keys_file}
    with shadowed(scorer, f"sqlite:///{tmp_path}/ledger.db", tmp_path, **given) as client:
        client.post("/v1/classify", json={"text": "tea is ready"}, headers={"X-API-Key": keys["pipeline"]})
        lead, reviewer = (Person(client, keys[name]) for name in ("lead", "anna"))
        ends = time.monotonic() + 30
        while "hateful review threshold" not in (page := lead.client.get("/review/shadow").text):
            assert time.monotonic() < ends
            time.sleep(0.2)
        refused = reviewer.client.get("/review/shadow").status_code
    assert "Judging now: policy <bdi>strict</bdi>" in page
    assert refused == 403
