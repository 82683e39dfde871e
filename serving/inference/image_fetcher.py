"""Fetcher of pictures by URL: from hosts that an operator lists, over https, from public addresses only.

The address that is checked is the address that is connected to, so a name that changes its address in between
(DNS rebinding) gains nothing; TLS still asks for the name. Every redirect starts again from the first check. No proxy
of the environment, no cookies, no credentials. A URL is content: it is in no log line and no answer.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from urllib.parse import urljoin

import httpcore

from serving.inference.concurrency import together
from serving.problems import ProblemError
from serving.requests.classify_body import BadItem, ClassifyInput, Item, LinkedItem
from serving.requests.context import RequestContext
from serving.security.https_targets import HttpsTarget, TargetRefusedError, https_target
from serving.security.public_network import CheckedNetwork, NotPublicError
from serving.settings import Settings

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_CONNECTIONS = 16
_HEADERS = [("User-Agent", "memeguard"), ("Accept-Encoding", "identity")]
_PICTURE, _ANYTHING = "image/*", "*/*"
T = TypeVar("T")
#: Reads the body of an answer.
Read = Callable[[httpcore.Response], Awaitable[T]]
# Its debug lines hold URLs.
logging.getLogger("httpcore").setLevel(logging.WARNING)


class Fetcher:
    """Fetches pictures for one worker; belongs to one event loop."""

    def __init__(self, settings: Settings, network: httpcore.AsyncNetworkBackend | None = None) -> None:
        """``network`` connects to names; default: to public addresses only."""
        self._hosts = settings.fetch_hosts
        self._max_bytes = settings.max_bytes
        self._max_redirects = settings.fetch_max_redirects
        self._timeout_s = settings.fetch_timeout_s
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(cafile=settings.fetch_ca_file) if self._hosts else None,
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=0,
            network_backend=network or CheckedNetwork(),
        )

    async def fetch(self, url: str, deadline: float, hold: Callable[[int], None]) -> bytes:
        """The bytes at ``url``; ``deadline`` and ``hold`` are of a ``RequestContext``.

        Raises ``ProblemError``: 413 for more than ``max_bytes``, 422 for what may not be fetched or could not be, and
        what ``hold`` raises.
        """
        timeout_s = min(self._timeout_s, deadline - time.monotonic())
        return await self._fetched(url, timeout_s, _PICTURE, partial(self._read, hold))

    async def download(self, url: str, timeout_s: float, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand what is at ``url`` to ``take`` in pieces; raises ``ProblemError`` 422, and what ``take`` raises."""
        await self._fetched(url, timeout_s, _ANYTHING, partial(_pass_on, take))

    async def _fetched(self, url: str, timeout_s: float, accept: str, read: Read[T]) -> T:
        if not self._hosts:
            raise ProblemError(
                422,
                "url_not_allowed",
                "this server fetches no URL; send what is there itself, or have its operator set MEMEGUARD_FETCH_HOSTS",
            )
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(url, accept, read)
        except TimeoutError as error:
            raise _failed("there was no whole answer in time") from error
        except NotPublicError as error:
            raise _not_allowed("its host has an address that is not public") from error
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise _failed("no connection could be made, or it broke") from error

    async def close(self) -> None:
        """Close what is still open."""
        await self._pool.aclose()

    async def _follow(self, url: str, accept: str, read: Read[T]) -> T:
        for _ in range(self._max_redirects + 1):
            target = self._checked(url)
            found = await self._get(target, accept, read)
            if not isinstance(found, _Redirect):
                return found
            url = _joined(target.text, found.location)
        raise _failed(f"there are more than {self._max_redirects} redirects")

    def _checked(self, url: str) -> HttpsTarget:
        try:
            return https_target(url, self._hosts)
        except TargetRefusedError as error:
            raise _not_allowed(str(error)) from error

    async def _get(self, target: HttpsTarget, accept: str, read: Read[T]) -> "T | _Redirect":
        async with self._pool.stream("GET", target.url, headers=[*_HEADERS, ("Accept", accept)]) as answer:
            given = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
            if answer.status in _REDIRECTS and b"location" in given:
                return _Redirect(given[b"location"])
            if answer.status != 200:
                raise _failed(f"the host answered {answer.status}")
            if given.get(b"content-encoding", "identity") != "identity":
                raise _failed("the host sent it compressed")
            return await read(answer)

    async def _read(self, hold: Callable[[int], None], answer: httpcore.Response) -> bytes:
        content = bytearray()
        try:
            async for chunk in answer.aiter_stream():
                hold(len(chunk))
                content += chunk
                _check_bytes(len(content), self._max_bytes)
        except BaseException:  # leave the room to the other pictures of the request
            hold(-len(content))
            raise
        return bytes(content)


@dataclass(frozen=True)
class _Redirect:
    location: str


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError as error:
        raise _not_allowed("it is no URL") from error


async def _pass_on(take: Callable[[bytes], Awaitable[None]], answer: httpcore.Response) -> None:
    async for chunk in answer.aiter_stream():
        await take(chunk)


def _check_bytes(n_bytes: int, limit: int) -> None:
    if n_bytes > limit:
        detail = f"the picture at the URL is over the limit of {limit} bytes"
        raise ProblemError(413, "too_many_bytes", detail, limit="max_bytes", limit_value=limit)


def _not_allowed(why: str) -> ProblemError:
    return ProblemError(422, "url_not_allowed", f"the URL, or one that it redirects to, is not fetched: {why}")


def _failed(why: str) -> ProblemError:
    return ProblemError(422, "url_not_fetched", f"what is at the URL could not be fetched: {why}")


async def with_pictures(
    fetcher: Fetcher, items: Sequence[Item], context: RequestContext
) -> list[ClassifyInput | BadItem]:
    """The items in their order; one whose picture could not be had is a ``BadItem`` now.

    Raises ``ProblemError`` 503 when there is no room for the pictures.
    """
    return await together(_with_picture(fetcher, item, context) for item in items)


async def _with_picture(fetcher: Fetcher, item: Item, context: RequestContext) -> ClassifyInput | BadItem:
    if not isinstance(item, LinkedItem):
        return item
    try:
        return replace(item.rest, image=await fetcher.fetch(item.url, context.deadline, context.hold_fetched))
    except ProblemError as problem:
        if problem.status == 503:
            raise
        return BadItem(item.rest.id, problem)
