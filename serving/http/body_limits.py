"""Limits on a request's body: its bytes and its time to arrive; and notice when its caller leaves."""

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive, Scope

from serving.problems import ProblemError
from serving.settings import Settings


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
        self._max_bytes = settings.max_body_bytes
        self._timeout_s = settings.body_timeout_s
        self._arrived = arrived
        self._on_leaving = on_leaving
        self._n_bytes = 0
        self._watch: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        """The next message; raises ``ProblemError`` 413 for a body that is too long, 408 for one that is too slow."""
        if self._watch is not None:
            return await self._receive()
        if self._declared > self._max_bytes:
            raise _too_large(self._max_bytes)
        message = await self._in_time()
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._watch = asyncio.create_task(self._wait_for_leaving())
        return message

    def close(self) -> None:
        """The answer is given: nobody has to be watched any longer."""
        if self._watch is not None:
            self._watch.cancel()

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._arrived + self._timeout_s) as time_left:
                return await self._receive()
        except TimeoutError as error:
            if not time_left.expired():
                raise
            raise _too_slow(self._timeout_s) from error

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._on_leaving()


def declared_length(scope: Scope) -> int:
    """Content-Length, 0 when there is none or it is no number (the server refuses those)."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else 0


# The rest of a body that is refused half way is not worth reading, so the connection closes.
_CLOSE = {"Connection": "close"}


def _too_large(limit: int) -> ProblemError:
    detail = f"the request body is over the limit of {limit} bytes"
    return ProblemError(413, "body_too_large", detail, _CLOSE, limit="max_body_bytes", limit_value=limit)


def _too_slow(limit_s: float) -> ProblemError:
    detail = f"the request body did not arrive within {limit_s:g} seconds"
    return ProblemError(408, "body_timeout", detail, _CLOSE, limit="body_timeout_s", limit_value=limit_s)
