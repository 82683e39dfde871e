"""Connections to names, made to addresses that were checked first."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable

import httpcore

from serving.security.addresses import is_public

#: The addresses of a name, as text.
Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotPublicError(Exception):
    """A name has an address that is not of the public internet."""


async def resolve(host: str, port: int) -> list[str]:
    """Every address that the system knows for a name; raises ``OSError`` when there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks all of its addresses, and connects to one of those."""

    def __init__(self, resolve: Resolve = resolve, allowed: Callable[[str], bool] = is_public) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; raises ``NotPublicError`` when one of them may not be reached."""
        addresses = await self._resolve(host, port)
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise NotPublicError
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next one may answer; the last one's error is the caller's
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """As the pool asks for between its tries."""
        await self._inner.sleep(seconds)
