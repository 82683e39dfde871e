"""Banks of known memes on the real server, with two workers, on either database."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from support.banks import SENTENCE, photo
from support.server import Server, free_port, running

from serving.cli import main

POLICIES = """format_version: 1
default: banked
policies:
  banked:
    version: "1"
    thresholds: {hateful: {review: 0.99, block: never}}
    banks: {removed: }
  flooded:
    version: "1"
    thresholds: {hateful: {review: 0.99, block: never}}
    banks: {flooded: }
"""
WITHIN_S = 2.0
#: Connections of their own: the system gives them now to one worker and now to the other.
ASKED = 12


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def serving(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    folder = tmp_path_factory.mktemp("serving")
    url = f"sqlite:///{folder}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    port = free_port()
    policies = folder / "policies.yaml"
    policies.write_text(POLICIES)
    command = ["serving.cli", "serve", "--ocr", "none", "--workers", "2", "--port", str(port)]
    with running(
        [*command, "--policy-file", str(policies)],
        port,
        folder,
        MEMEGUARD_LEDGER_URL=url,
        MEMEGUARD_LEDGER_STORE_FINGERPRINTS="true",
    ) as server:
        yield server, url
        assert server.stop() == 0


def _ask(server: Server, method: str, path: str, **body: Any) -> httpx.Response:
    return httpx.request(method, server.url(path), timeout=60, **body)


def _verdicts(server: Server, picture: bytes, text: str = SENTENCE) -> list[dict[str, Any]]:
    """Of both workers, as it is to be expected of so many connections."""
    asked: list[dict[str, Any]] = []
    for _ in range(ASKED):
        answer = _ask(server, "POST", "/v1/classify", files={"image": picture}, data={"text": text})
        assert answer.status_code == 200, answer.text
        asked.append(answer.json())
    return asked


def _memeguard(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def _soon(holds: Callable[[], bool]) -> bool:
    time.sleep(WITHIN_S)
    return holds()


def test_a_known_meme_is_blocked_by_every_worker_within_two_seconds_until_it_is_taken_out(
    serving: tuple[Server, str],
) -> None:
    server, url = serving
    copy = photo(1, quality=35, scale=0.6)
    reviewed = _verdicts(server, copy)
    assert {verdict["decision"] for verdict in reviewed} == {"review"}  # the bank is not there
    made = _ask(server, "POST", "/v1/banks", json={"name": "removed", "action": "block"})
    assert made.status_code == 201
    assert _soon(lambda: {verdict["decision"] for verdict in _verdicts(server, copy)} == {"allow"})

    added = _ask(server, "POST", "/v1/banks/removed/entries", files={"image": photo(1)}, data={"text": SENTENCE})
    (entry,) = added.json()["entries"]

    def is_known() -> bool:
        verdicts = _verdicts(server, copy)
        known = {(one["bank"], one["entry"], one["kind"]) for verdict in verdicts for one in verdict["known"]}
        return known == {("removed", entry["entry_id"], "same_meme")} and {one["decision"] for one in verdicts} == {
            "block"
        }

    assert _soon(is_known)
    other = _verdicts(server, copy, "quite other words than those before")
    assert {(one["known"][0]["kind"], one["decision"]) for one in other} == {("same_picture", "review")}

    caught = _memeguard("bank", "retro", "removed", "--json", "--url", url).splitlines()
    assert {json.loads(line)["decision_id"] for line in caught} >= {one["decision_id"] for one in reviewed}
    assert f'memeguard_known_memes_total{{bank="removed",kind="same_meme"}} {float(ASKED)}' in (
        _ask(server, "GET", "/metrics").text
    )

    removed = _ask(server, "DELETE", f"/v1/banks/removed/entries/{entry['entry_id']}")
    assert removed.status_code == 204
    assert _soon(lambda: all(verdict["known"] == [] for verdict in _verdicts(server, copy)))


def test_a_flood_is_stopped_over_both_workers_and_told(serving: tuple[Server, str]) -> None:
    server, url = serving
    allowed = ("--max-matches-per-hour", str(ASKED))
    _memeguard("bank", "create", "flooded", "--action", "block", *allowed, "--url", url)
    _memeguard("bank", "add", "flooded", "--text", SENTENCE, "--url", url)
    assert _soon(lambda: True)

    def decision() -> str:
        asked = {"text": SENTENCE, "policy": "flooded"}
        return str(_ask(server, "POST", "/v1/classify", json=asked).json()["decision"])

    assert {decision() for _ in range(ASKED)} == {"block"}
    assert decision() == "block"  # one match more than is allowed, before any worker knows
    assert _soon(lambda: {decision() for _ in range(ASKED)} == {"review"})
    assert "bank entry quarantined bank=flooded" in server.log.read_text()
    assert 'memeguard_bank_quarantines_total{bank="flooded"} 1.0' in _ask(server, "GET", "/metrics").text
    assert "in quarantine" in _memeguard("bank", "list", "flooded", "--url", url)
    banks = {bank["name"]: bank for bank in _ask(server, "GET", "/v1/banks").json()["banks"]}
    assert banks["flooded"]["quarantined"] == 1
