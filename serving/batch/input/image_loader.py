"""Loader of the pictures that items name, by the protocols that the operator allows."""

import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec

from model import Failure, Meme, MemeError, MemeLimits
from model.meme import has_words
from serving.batch.errors import BatchError
from serving.batch.input.files import without_secrets
from serving.batch.input.items import Item
from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, is_data_url

_LONGEST_NAME = 200
#: Pictures from elsewhere that are waited for together; the time goes by in the network, not on a core.
_AT_ONCE = 8
#: Before another try to read from elsewhere.
_PAUSES_S = (0.5, 2.0)
#: Of the time that an item has, for each of the two requests that fsspec makes for a picture: a host that gives no
#: answer is an error of the row, before whoever holds this process ends it.
_SHARE_OF_TIME = 0.4
#: What another try would not change.
_FINAL = (
    *(FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError, ImportError),
    TimeoutError,  # what was waited for so long costs too much to be waited for again
)


class ImageLoader:
    """Reads pictures from paths and addresses.

    What a row names is as untrusted as its picture: only ``protocols`` (fsspec's names: "file", "s3", "https") are
    opened, so that a row cannot make this machine call another.
    """

    def __init__(self, protocols: frozenset[str], limits: MemeLimits, item_timeout_s: float) -> None:
        self._protocols = protocols
        self._many_at_once = frozenset(filter(_takes_many_at_once, protocols))
        self._limits = limits
        self._answer_s = _SHARE_OF_TIME * item_timeout_s
        self._readers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="batch-reader")

    def memes(self, items: Sequence[Item]) -> list[Meme | Failure]:
        """The meme of each item, or why there is none."""
        coming = [self._readers.submit(self._picture, item) if self._is_awaited(item) else None for item in items]
        return [
            self._made(item, self._picture(item) if one is None else one.result())
            for item, one in zip(items, coming, strict=True)
        ]

    def meme(self, item: Item) -> Meme | Failure:
        """The meme of an item, or why there is none."""
        return self._made(item, self._picture(item))

    def _is_awaited(self, item: Item) -> bool:
        if not isinstance(item.image, str) or is_data_url(item.image):
            return False
        first, *others = _protocols(item.image)
        return first in self._many_at_once and not others

    def _picture(self, item: Item) -> bytes | MemeError | None:
        try:
            return None if item.image is None else self.read(item.image)
        except MemeError as error:
            return error

    def _made(self, item: Item, picture: bytes | MemeError | None) -> Meme | Failure:
        id = item.id or ""
        if isinstance(picture, MemeError):
            return Failure(id, picture.code, picture.message)
        try:
            if picture is not None:
                return Meme.from_bytes(picture, text=item.text, tags=item.tags, id=id, limits=self._limits)
            if item.text is None or not has_words(item.text):
                return Failure(id, "empty", "the row has neither a picture nor words")
            return Meme.from_text(item.text, tags=item.tags, id=id, limits=self._limits)
        except MemeError as error:
            return Failure(id, error.code, error.message)

    def read(self, image: str | bytes) -> bytes:
        """The bytes of a picture, at most one over the limit; raises ``MemeError``."""
        if isinstance(image, bytes):
            return image
        if is_data_url(image):
            return _of_data_url(image)
        image = image.removeprefix("file://")
        for protocol in _protocols(image):
            if protocol not in self._protocols:
                raise MemeError(
                    "unreadable_file", f"pictures are not read by {protocol}://; --allow-protocol {protocol} allows it"
                )
        try:
            return self._local(Path(image)) if image.startswith("/") else self._remote(image)
        except Exception as error:  # each file system raises its own errors, and any of them is this row's alone
            raise MemeError("unreadable_file", f"{_named(image)}: {_in_words(_root(error))}") from error

    def _local(self, path: Path) -> bytes:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise OSError(0, "not a file")
        with path.open("rb") as file:
            # One byte more than is allowed, so that a huge file costs no more than a refused one.
            return file.read(self._limits.max_bytes + 1)

    def _remote(self, address: str) -> bytes:
        for pause_s in _PAUSES_S:
            try:
                return self._once(address)
            except Exception as error:
                if not _may_pass(_root(error)):
                    raise
                time.sleep(pause_s)
        return self._once(address)

    def _once(self, address: str) -> bytes:
        with fsspec.open(address, "rb", **self._patience(address)) as file:
            return bytes(file.read(self._limits.max_bytes + 1))

    def _patience(self, address: str) -> dict[str, Any]:
        """What has fsspec give up a web server that says nothing; other file systems have limits of their own."""
        if "::" in address or not address.lower().startswith(("http://", "https://")):
            return {}
        import aiohttp  # noqa: PLC0415  is there where fsspec can read from http

        return {"timeout": aiohttp.ClientTimeout(total=self._answer_s)}


def check_protocol(protocol: str) -> None:
    """Raise ``BatchError`` for a protocol by which nothing can be read here."""
    try:
        fsspec.get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise BatchError(f"--allow-protocol {protocol}: {error}") from error


def _takes_many_at_once(protocol: str) -> bool:
    """Whether its file system is made for that (https, s3, gs), unlike ftp's or an archive's."""
    try:
        return bool(fsspec.get_filesystem_class(protocol).async_impl)
    except (ImportError, ValueError):  # is told when a row needs it
        return False


def _root(error: BaseException) -> BaseException:
    """The first error of a chain: fsspec calls many an answer of a host "not found"."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error


def _may_pass(error: BaseException) -> bool:
    """Whether a read may go well later: a connection broke, a host is overloaded."""
    status = getattr(error, "status", None)  # of an HTTP answer
    refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 429)
    return not refused and not isinstance(error, _FINAL)


def _in_words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    status = getattr(error, "status", None)
    return f"the host answered {status}" if status else getattr(error, "strerror", None) or type(error).__name__


def _of_data_url(url: str) -> bytes:
    try:
        return from_data_url(url)
    except ProblemError as problem:
        raise MemeError("corrupt", problem.detail) from problem


def _protocols(address: str) -> list[str]:
    """Of every link: in ``zip://a.png::https://host/b.zip`` the second one is called too."""
    if address.startswith("/"):
        return ["file"]
    known = set(fsspec.available_protocols())
    return [
        link.split("://")[0] if "://" in link else link if link in known else "file" for link in address.split("::")
    ]


def _named(address: str) -> str:
    """What a message may hold of it: no password, not a whole picture that came as text, nothing that is no text."""
    address = without_secrets(address)
    shown = address if len(address) <= _LONGEST_NAME else f"{address[:_LONGEST_NAME]}..."
    return shown.encode("utf-8", "backslashreplace").decode()
