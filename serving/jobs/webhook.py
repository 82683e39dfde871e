"""Webhooks: the end of a job is told to an https address, signed, and told again until it was taken.

At least once: who was told and could not say so is told again. The signature is Stripe's scheme, which libraries know:
``Memeguard-Signature: t=SECONDS,v1=HEX``, where HEX is the HMAC-SHA256 of ``SECONDS.BODY``.
"""

import asyncio
import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpcore
import sqlalchemy as sa

from serving.jobs.document import event_json
from serving.ledger.database import Database
from serving.ledger.tables import jobs
from serving.observability.logs import Event
from serving.problems import ProblemError
from serving.security.https_targets import HttpsTarget, TargetRefusedError, https_target
from serving.security.public_network import CheckedNetwork, NotPublicError
from serving.settings import Settings

logger = logging.getLogger("memeguard.jobs")
SIGNATURE_HEADER = "Memeguard-Signature"
#: Pauses after a try that came to nothing; after the last one it is given up.
RETRY_AFTER_S = (2, 10, 60, 300, 1800, 7200, 21600)
_TIMEOUT_S = 10.0
#: A try that nobody ended, because its process did, is made again after this.
_TRY_LEASE = timedelta(seconds=60)


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """Value of ``SIGNATURE_HEADER``; ``timestamp`` is in seconds since 1970."""
    digest = hmac.new(secret, b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def check_webhook(url: str, settings: Settings) -> None:
    """Raise ``ProblemError`` 422 for an address that would not be called."""
    if not settings.jobs_webhook_hosts:
        detail = "this server sends no webhooks; ask for the job again and again, or have its operator set "
        raise ProblemError(422, "webhook_not_allowed", f"{detail}MEMEGUARD_JOBS_WEBHOOK_HOSTS")
    try:
        https_target(url, settings.jobs_webhook_hosts)
    except TargetRefusedError as error:
        raise ProblemError(422, "webhook_not_allowed", f"the address of the webhook is not called: {error}") from error


class WebhookSender:
    """Sends what is due, of the servers that share a folder; belongs to one event loop.

    Others on the database may have other hosts and another secret, or none, and would give up what is not theirs.
    """

    def __init__(
        self, settings: Settings, database: Database, store: str, network: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        """``store`` names the folder; ``network`` connects to names, default: to public addresses only."""
        self._database = database
        self._store = store
        self._hosts = settings.jobs_webhook_hosts
        secret = settings.jobs_webhook_secret
        self._secret = b"" if secret is None else secret.get_secret_value().encode()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(cafile=settings.fetch_ca_file) if self._hosts else None,
            max_keepalive_connections=0,
            network_backend=network or CheckedNetwork(),
        )

    async def send_due(self) -> None:
        """Try those that are due, one after the other."""
        while (row := await asyncio.to_thread(self._claim)) is not None:
            problem = await self._try(row)
            await asyncio.to_thread(self._write, row, problem)

    async def close(self) -> None:
        """Close what is still open."""
        await self._pool.aclose()

    def _claim(self) -> dict[str, Any] | None:
        now = datetime.now(UTC)
        due = sa.and_(jobs.c.store == self._store, jobs.c.webhook_due_at <= now)
        with self._database.reading() as connection:
            if connection.execute(sa.select(jobs.c.job_id).where(due).limit(1)).first() is None:
                return None
        with self._database.writing() as connection:
            first = jobs.select().where(due).order_by(jobs.c.webhook_due_at).limit(1).with_for_update(skip_locked=True)
            row = connection.execute(first).mappings().first()
            if row is None:
                return None
            mine = jobs.update().where(jobs.c.job_id == row["job_id"])
            connection.execute(
                mine.values(webhook_due_at=now + _TRY_LEASE, webhook_attempts=jobs.c.webhook_attempts + 1)
            )
            return dict(row) | {"webhook_attempts": row["webhook_attempts"] + 1}

    async def _try(self, row: Mapping[str, Any]) -> str | None:
        """Send it once: why it was not taken; None: it was."""
        try:
            target = https_target(row["options"]["webhook"], self._hosts)
            async with asyncio.timeout(_TIMEOUT_S):
                status = await self._post(target, event_json(row), row["job_id"])
        except TargetRefusedError as error:
            return str(error)
        except TimeoutError:
            return "there was no answer in time"
        except NotPublicError:
            return "its host has an address that is not public"
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            return "no connection could be made, or it broke"
        return None if 200 <= status < 300 else f"the host answered {status}"

    async def _post(self, target: HttpsTarget, body: bytes, job_id: str) -> int:
        headers = [
            ("User-Agent", "memeguard"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Memeguard-Job", job_id),
            (SIGNATURE_HEADER, signature(self._secret, int(time.time()), body)),
        ]
        async with self._pool.stream("POST", target.url, headers=headers, content=body) as answer:
            return answer.status

    def _write(self, row: Mapping[str, Any], problem: str | None) -> None:
        attempts = row["webhook_attempts"]
        values: dict[str, Any] = {"webhook_problem": problem, "webhook_due_at": None}
        if problem is None:
            values["webhook_state"] = "delivered"
        elif attempts > len(RETRY_AFTER_S):
            values["webhook_state"] = "failed"
            logger.warning(Event("webhook given up", job=row["job_id"], attempts=attempts, problem=problem))
        else:
            values["webhook_due_at"] = datetime.now(UTC) + timedelta(seconds=RETRY_AFTER_S[attempts - 1])
        with self._database.writing() as connection:
            connection.execute(jobs.update().where(jobs.c.job_id == row["job_id"]).values(**values))
