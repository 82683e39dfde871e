"""Loader of the pictures that items name, by the protocols that the operator allows."""

import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import fsspec

from model import Failure, Meme, MemeError, MemeLimits
from model.meme import has_words
from serving.batch.errors import BatchError
from serving.batch.input.items import Item
from serving.batch.input.picture_paths import PicturePaths, Resolved, shown_address
from serving.problems import ProblemError
from serving.requests.base64_image import from_data_url, is_data_url

#: Pictures from elsewhere that are read at once; the time goes by in the network, not on a core.
_THREADS = 8
#: Pauses before another try to read from elsewhere.
_RETRY_AFTER_S = (0.5, 2.0)
#: Of the time that an item has, for each of the two requests that fsspec makes for a picture: a host that gives no
#: answer is an error of the row, before the supervisor ends this process.
_TIMEOUT_SHARE = 0.4
#: Errors that another try would not change.
_PERMANENT_ERRORS = (
    *(FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError, ImportError),
    TimeoutError,  # what was waited for so long costs too much to be waited for again
)


class PictureGuard(Protocol):
    """Opens what rows name, in place of fsspec, where the rows are a stranger's. Handed to workers: it is picklable."""

    @property
    def within(self) -> Path:
        """The only folder whose files are read."""
        ...

    def read(self, image: str, max_bytes: int) -> bytes:
        """The bytes at a path or an address, one over the limit at most; raises ``MemeError``."""
        ...


class ImageLoader:
    """Reads pictures from paths and addresses.

    What a row names is as untrusted as its picture: only ``protocols`` (fsspec's names: "file", "s3", "https") are
    opened, so that a row cannot make this machine call another. With a ``guard``, that alone opens anything.
    """

    def __init__(
        self,
        protocols: frozenset[str],
        limits: MemeLimits,
        item_timeout_s: float,
        guard: PictureGuard | None = None,
    ) -> None:
        self._protocols = protocols
        self._parallel_protocols = frozenset(filter(_is_async, protocols))
        self._guard = guard
        self._paths = PicturePaths(protocols, None if guard is None else guard.within)
        self._limits = limits
        self._timeout_s = _TIMEOUT_SHARE * item_timeout_s
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="batch-reader")

    def resolve(self, item: Item) -> Resolved:
        """The item with the path that its picture has on this machine, if the row writes it otherwise."""
        return self._paths.resolve(item)

    def memes(self, items: Sequence[Item]) -> list[Meme | Failure]:
        """The meme of each item, or why there is none."""
        pending = [
            self._pool.submit(self._bytes_or_error, item) if self._reads_in_pool(item) else None for item in items
        ]
        return [
            self._to_meme(item, self._bytes_or_error(item) if one is None else one.result())
            for item, one in zip(items, pending, strict=True)
        ]

    def meme(self, item: Item) -> Meme | Failure:
        """The meme of an item, or why there is none."""
        return self._to_meme(item, self._bytes_or_error(item))

    def _reads_in_pool(self, item: Item) -> bool:
        if not isinstance(item.image, str) or is_data_url(item.image):
            return False
        if self._guard is not None:
            return "://" in item.image
        first, *others = _protocols(item.image)
        return first in self._parallel_protocols and not others

    def _bytes_or_error(self, item: Item) -> bytes | MemeError | None:
        try:
            return None if item.image is None else self.read(item.image)
        except MemeError as error:
            return error

    def _to_meme(self, item: Item, picture: bytes | MemeError | None) -> Meme | Failure:
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
            return _decode_data_url(image)
        if self._guard is not None:
            return self._guard.read(image, self._limits.max_bytes)
        image = image.removeprefix("file://")
        for protocol in _protocols(image):
            if protocol not in self._protocols:
                raise MemeError(
                    "unreadable_file", f"pictures are not read by {protocol}://; --allow-protocol {protocol} allows it"
                )
        try:
            return self._read_file(Path(image)) if image.startswith("/") else self._read_remote(image)
        except Exception as error:  # each file system raises its own errors, and any of them is this row's alone
            raise MemeError("unreadable_file", f"{shown_address(image)}: {_reason(_first_cause(error))}") from error

    def _read_file(self, path: Path) -> bytes:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise OSError(0, "not a file")
        with path.open("rb") as file:
            # One byte more than is allowed, so that a huge file costs no more than a refused one.
            return file.read(self._limits.max_bytes + 1)

    def _read_remote(self, address: str) -> bytes:
        for pause_s in _RETRY_AFTER_S:
            try:
                return self._read_once(address)
            except Exception as error:
                if not _is_temporary(_first_cause(error)):
                    raise
                time.sleep(pause_s)
        return self._read_once(address)

    def _read_once(self, address: str) -> bytes:
        with fsspec.open(address, "rb", **self._fsspec_options(address)) as file:
            return bytes(file.read(self._limits.max_bytes + 1))

    def _fsspec_options(self, address: str) -> dict[str, Any]:
        """A timeout for a web server that says nothing; other file systems have limits of their own."""
        if "::" in address or not address.lower().startswith(("http://", "https://")):
            return {}
        import aiohttp  # noqa: PLC0415  is there where fsspec can read from http

        return {"timeout": aiohttp.ClientTimeout(total=self._timeout_s)}


def check_protocol(protocol: str) -> None:
    """Raise ``BatchError`` for a protocol by which nothing can be read here."""
    try:
        fsspec.get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise BatchError(f"--allow-protocol {protocol}: {error}") from error


def _is_async(protocol: str) -> bool:
    """Whether its file system is made for that (https, s3, gs), unlike ftp's or an archive's."""
    try:
        return bool(fsspec.get_filesystem_class(protocol).async_impl)
    except (ImportError, ValueError):  # is told when a row needs it
        return False


def _first_cause(error: BaseException) -> BaseException:
    """The first error of a chain: fsspec calls many an answer of a host "not found"."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error


def _is_temporary(error: BaseException) -> bool:
    """Whether another read may go well: a connection broke, a host is overloaded."""
    status = getattr(error, "status", None)  # of an HTTP answer
    refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 429)
    return not refused and not isinstance(error, _PERMANENT_ERRORS)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    status = getattr(error, "status", None)
    return f"the host answered {status}" if status else getattr(error, "strerror", None) or type(error).__name__


def _decode_data_url(url: str) -> bytes:
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
