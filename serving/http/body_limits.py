"""Limits on a request's body: its bytes and its time to arrive; and notice when its caller leaves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope

from serving.problems import ProblemError
from serving.settings import Settings

#: The input of a job.
_STREAMED = "/v1/jobs"


class LimitedReceive:
    """The ASGI ``receive`` of one request, under limits.

    ``arrived`` is in the seconds of ``time.monotonic``, which is the event loop's clock. ``on_leaving`` is called once
    if the caller's connection ends after the whole body came.
    """

    def __init__(
        self, scope: Scope, receive: Receive, settings: Settings, arrived: float, on_leaving: Callable[[], None]
    ) -> None:
        self._receive = receive
        self._declared = declared_length(scope)
        self._limits = body_limits(scope, settings)
        self._arrived = arrived
        self._on_leaving = on_leaving
        self._n_bytes = 0
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        """The next message; raises ``ProblemError`` 413 for a body that is too long, 408 for one that is too slow."""
        if self._watch is not None:
            return await self._receive()
        if self._declared > self._limits.max_bytes:
            raise self._limits.too_large()
        message = await self._in_time()
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self._limits.max_bytes:
            raise self._limits.too_large()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._watch = asyncio.create_task(self._wait_for_leaving())
        return message

    def close(self) -> None:
        """The answer is given: nobody has to be watched any longer."""
        if self._watch is not None:
            self._watch.cancel()

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._arrived + self._limits.timeout_s) as time_left:
                return await self._receive()
        except TimeoutError as error:
            if not time_left.expired():
                raise
            raise self._limits.too_slow() from error

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._on_leaving()


def declared_length(scope: Scope) -> int:
    """Content-Length, 0 when there is none or it is no number (the server refuses those)."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else 0


def is_streamed(scope: Scope) -> bool:
    """Whether a body is written to disk as it comes, so that it takes no room in memory."""
    return bool(scope["method"] == "POST" and scope["path"] == _STREAMED)


def body_limits(scope: Scope, settings: Settings) -> "BodyLimits":
    """Those of a request's body."""
    if is_streamed(scope):
        return BodyLimits(
            settings.jobs_max_bytes, settings.jobs_upload_timeout_s, "jobs_max_bytes", "jobs_upload_timeout_s"
        )
    return BodyLimits(settings.max_body_bytes, settings.body_timeout_s, "max_body_bytes", "body_timeout_s")


# The rest of a body that is refused half way is not worth reading, so the connection closes.
_CLOSE = {"Connection": "close"}


@dataclass(frozen=True)
class BodyLimits:
    """With the names of the settings that they come from."""

    max_bytes: int
    timeout_s: float
    bytes_name: str
    timeout_name: str

    def too_large(self) -> ProblemError:
        """The answer to a body that is too long."""
        detail = f"the request body is over the limit of {self.max_bytes} bytes"
        return ProblemError(413, "body_too_large", detail, _CLOSE, limit=self.bytes_name, limit_value=self.max_bytes)

    def too_slow(self) -> ProblemError:
        """The answer to a body that does not arrive in time."""
        detail = f"the request body did not arrive within {self.timeout_s:g} seconds"
        return ProblemError(408, "body_timeout", detail, _CLOSE, limit=self.timeout_name, limit_value=self.timeout_s)
