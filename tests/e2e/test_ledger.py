"""The ledger of the real server: into it, out of it as training rows, and through an outage and a kill."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from support.ledgers import database_of
from support.pictures import meme
from support.postgres import PASSWORD, Cluster
from support.server import Server, free_port, running

from serving.cli import main
from serving.ledger.tables import decisions

_COMMAND = ("serving.cli", "serve", "--ocr", "none", "--port")


@pytest.fixture(scope="module")
def in_postgres(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[tuple[Server, str]]:
    url, port = postgres.new_database(), free_port()
    folder = tmp_path_factory.mktemp("server")
    with running([*_COMMAND, str(port), "--workers", "2"], port, folder, MEMEGUARD_LEDGER_URL=url) as server:
        yield server, url


def _memeguard(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def _say(server: Server, **body: Any) -> int:
    return server.post(json.dumps(body).encode(), "application/json", "/v1/feedback").status


def test_feedback_on_served_decisions_becomes_training_rows_without_a_hand_between(tmp_path: Path) -> None:
    port, url = free_port(), f"sqlite:///{tmp_path}/ledger.db"
    environ = {
        "MEMEGUARD_LEDGER_URL": url,
        "MEMEGUARD_LEDGER_STORE_TEXT": "true",
        "MEMEGUARD_LEDGER_STORE_PICTURES": "true",
    }
    with running([*_COMMAND, str(port)], port, tmp_path, **environ) as server:
        verdicts = [server.classify(meme(seed), text=f"words number {seed}").json() for seed in range(6)]
        said = [
            _say(server, decision_id=verdict["decision_id"], label=("hateful", "not_hateful")[n % 2])
            for n, verdict in enumerate(verdicts)
        ]
    assert said == [201] * 6
    folder = str(tmp_path / "feedback")
    assert _memeguard("ledger", "export", "--out", folder, "--url", url).startswith("6 rows to train on")
    report = json.loads(_memeguard("data", "check", folder, "--json", "-"))
    (split,) = report["splits"]
    assert (split["n_rows"], split["n_usable"], split["n_pictures"], split["n_empty_text"]) == (6, 6, 6, 0)
    assert split["classes"]["hateful"] == {"not_hateful": 3, "hateful": 3}
    assert report["left_out"] == []


def test_an_outage_of_the_database_is_503_and_over_when_it_is_over(
    in_postgres: tuple[Server, str], postgres: Cluster
) -> None:
    server, _ = in_postgres
    assert server.classify(meme(), text="telltale words").status == 200
    with postgres.outage():
        refused = server.classify(meme(), text="telltale words")
        assert (refused.status, refused.json()["code"]) == (503, "ledger_unavailable")
        assert refused.headers["retry-after"]
        _wait_for(lambda: "postgresql://127.0.0.1" in str(server.get("/readyz").json()["problems"]))
    _wait_for(lambda: [server.classify(meme(), text="words").status for _ in range(6)] == [200] * 6)
    _wait_for(lambda: "ledger written again" in server.log.read_text())
    log = server.log.read_text()
    for secret in (PASSWORD, "telltale"):
        assert secret not in log + refused.body.decode()


def test_every_answered_decision_is_in_the_ledger_though_the_server_was_killed(in_postgres: tuple[Server, str]) -> None:
    server, url = in_postgres
    answered: list[str] = []

    def ask_until_it_is_gone() -> None:
        try:
            while True:
                answer = server.classify(meme(), text="words")
                assert answer.status == 200
                answered.append(answer.json()["decision_id"])
        except (OSError, HTTPException):
            return

    callers = [threading.Thread(target=ask_until_it_is_gone) for _ in range(4)]
    for caller in callers:
        caller.start()
    _wait_for(lambda: len(answered) > 20)
    for pid in reversed(server.pids()):
        os.kill(pid, signal.SIGKILL)
    for caller in callers:
        caller.join()
    database = database_of(url)
    with database.reading() as connection:
        kept = set(connection.execute(sa.select(decisions.c.decision_id)).scalars())
    database.close()
    assert set(answered) <= kept


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
