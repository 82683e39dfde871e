"""The end of a job, told to who asked for it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.jobs import STORE, new_row
from support.ledgers import database_of
from support.tls_host import TlsHost, tls_host

from serving.jobs import webhook as module
from serving.jobs.document import event_json
from serving.jobs.store import Limits, Visibility, cancel_job, find_job, insert_job
from serving.jobs.webhook import WebhookSender, check_webhook
from serving.ledger.database import Database
from serving.problems import ProblemError
from serving.security.public_network import CheckedNetwork
from serving.settings import Settings

NAME, SECRET = "hooks.example.org", "a secret of some length"


async def _here(_: str, __: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[TlsHost]:
    """It is in trouble when it is called for the first time."""
    with tls_host(tmp_path, NAME) as ready:

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(500 if len(ready.posted) == 1 else 200)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        ready.pages["/hook?of=me"] = answer
        yield ready


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = database_of(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


def _settings(host: TlsHost, *more: str) -> Settings:
    return Settings.model_validate(
        {
            "jobs_webhook_hosts": (f"{NAME}:{host.port}", *more),
            "jobs_webhook_secret": SECRET,
            "fetch_ca_file": host.ca_file,
        }
    )


def _ended(database: Database, url: str) -> str:
    row = new_row(webhook=url)
    with database.writing() as connection:
        insert_job(connection, row, Limits(5, 5))
        cancel_job(connection, row["job_id"], timedelta(hours=1))
    return str(row["job_id"])


def _found(database: Database, job_id: str) -> dict[str, Any]:
    with database.reading() as connection:
        row = find_job(connection, job_id, Visibility("app"))
    assert row is not None
    return row


def _send(
    settings: Settings,
    database: Database,
    *,
    times: int,
    network: CheckedNetwork | None = None,
    store: str = STORE,
) -> None:
    async def send() -> None:
        sender = WebhookSender(settings, database, store, network)
        for _ in range(times):
            await sender.send_due()
            await asyncio.sleep(0.01)
        await sender.close()

    asyncio.run(send())


def _is_signed(header: str, body: bytes) -> bool:
    """As a receiver checks it."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(parts["v1"], expected) and abs(time.time() - int(parts["t"])) < 60


def test_it_is_signed_and_told_again_until_it_was_taken(
    host: TlsHost, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_S", (0.3, 0.3))
    job_id = _ended(database, f"https://{NAME}:{host.port}/hook?of=me")
    network = CheckedNetwork(_here, lambda _: True)
    _send(Settings(), database, times=1, store="of a server without webhooks")
    assert _found(database, job_id)["webhook_attempts"] == 0
    _send(_settings(host), database, times=1, network=network)
    row = _found(database, job_id)
    assert (row["webhook_state"], row["webhook_problem"]) == ("pending", "the host answered 500")
    time.sleep(0.3)
    _send(_settings(host), database, times=2, network=network)
    row = _found(database, job_id)
    assert (row["webhook_state"], row["webhook_attempts"], row["webhook_problem"]) == ("delivered", 2, None)
    assert len(host.posted) == 2
    for (_, headers), body in zip(host.seen, host.posted, strict=True):
        assert _is_signed(headers["memeguard-signature"], body)
        assert not _is_signed(headers["memeguard-signature"], body + b" ")
    told = json.loads(host.posted[1])
    assert (told["type"], told["job"]["id"], told["job"]["state"]) == ("job.cancelled", job_id, "cancelled")


def test_an_address_that_is_not_public_is_not_called_and_given_up(
    host: TlsHost, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_S", (0.001,))
    job_id = _ended(database, f"https://{NAME}:{host.port}/hook?of=me")
    _send(_settings(host), database, times=4, network=CheckedNetwork(_here))
    row = _found(database, job_id)
    assert (row["webhook_state"], row["webhook_attempts"]) == ("failed", 2)
    assert row["webhook_problem"] == "its host has an address that is not public"
    assert host.posted == []


def test_of_an_error_the_code_alone_is_told(database: Database) -> None:
    row = _found(database, _ended(database, f"https://{NAME}/"))
    told = json.loads(event_json(row | {"state": "failed", "error_code": "bad_input", "error_message": "words"}))
    assert (told["type"], told["job"]["error"]) == ("job.failed", {"code": "bad_input"})


def test_an_address_is_refused_where_it_would_not_be_called(host: TlsHost) -> None:
    check_webhook(f"https://{NAME}:{host.port}/x", _settings(host))
    for url in ("http://hooks.example.org/x", "https://elsewhere.example.org/", f"https://u:p@{NAME}/", "no url"):
        with pytest.raises(ProblemError) as error:
            check_webhook(url, _settings(host))
        assert (error.value.status, error.value.code) == (422, "webhook_not_allowed")
    with pytest.raises(ProblemError, match="MEMEGUARD_JOBS_WEBHOOK_HOSTS"):
        check_webhook(f"https://{NAME}/x", Settings())


def test_no_webhook_is_sent_unsigned() -> None:
    with pytest.raises(ValidationError, match="unsigned"):
        Settings.model_validate({"jobs_webhook_hosts": (NAME,)})
    with pytest.raises(ValidationError, match="could be guessed"):
        Settings.model_validate({"jobs_webhook_secret": "short"})
