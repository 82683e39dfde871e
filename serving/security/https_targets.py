"""Targets of https URLs that callers name, taken apart and held against a list of hosts.

A request is made of the parts that were checked and not of the text. The address behind the name is checked when it is
connected to: ``public_network.py``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore

_HTTPS_PORT = 443
_MAX_URL_CHARS = 4096
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
#: ASCII without space and backslash: nothing that two parsers could read in two ways.
_PRINTABLE = re.compile(r"[!-\[\]-~]+")


class TargetRefusedError(Exception):
    """A URL is not called; the message says why and does not repeat it."""


@dataclass(frozen=True)
class HttpsTarget:
    """A URL that passed every check but that of its address."""

    host: str
    port: int
    path: str

    @property
    def text(self) -> str:
        """The URL, written anew."""
        return f"https://{self.host}:{self.port}{self.path}"

    @property
    def url(self) -> httpcore.URL:
        """As httpcore takes it."""
        return httpcore.URL(scheme=b"https", host=self.host.encode(), port=self.port, target=self.path.encode())


def https_target(url: str, hosts: Iterable[str]) -> HttpsTarget:
    """The target of ``url``, whose host is one of ``hosts``; raises ``TargetRefusedError``."""
    if len(url) > _MAX_URL_CHARS or not _PRINTABLE.fullmatch(url):
        raise TargetRefusedError(f"it must be up to {_MAX_URL_CHARS} printable ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _HTTPS_PORT
    except ValueError as error:
        raise TargetRefusedError("it is no URL") from error
    if parts.scheme != "https":
        raise TargetRefusedError("only https is called")
    if "@" in parts.netloc:
        raise TargetRefusedError("it holds credentials")
    if not _HOST.fullmatch(host) or not is_listed(host, port, hosts):
        raise TargetRefusedError("its host and port are not among those that this server calls")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpsTarget(host, port, path)


def is_listed(host: str, port: int, hosts: Iterable[str]) -> bool:
    """Whether a list entry (``name``, ``*.name``, either with ``:port``) allows a host; ``*.`` is one label or more."""
    for entry in hosts:
        name, _, listed_port = entry.partition(":")
        same = host.endswith(name[1:]) if name.startswith("*.") else host == name
        if same and port == int(listed_port or _HTTPS_PORT):
            return True
    return False
