"""Input of a job, sent or fetched, to a file: piece by piece, under a limit of bytes, never whole in memory."""

import asyncio
from collections.abc import AsyncIterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import urlsplit

from serving.inference.image_fetcher import Fetcher
from serving.problems import ProblemError
from serving.schemas.jobs import MEDIA_TYPES, InputFormat

_BUFFER_BYTES = 1024 * 1024
_CLOSE = {"Connection": "close"}
_FORMATS: tuple[InputFormat, ...] = ("jsonl.gz", "csv.gz", "tsv.gz", "jsonl", "csv", "tsv", "parquet", "zip")


def sent_format(media_type: str, asked: InputFormat | None) -> InputFormat:
    """The format of a body; raises ``ProblemError`` 415 where nothing says it."""
    found = asked or MEDIA_TYPES.get(media_type)
    if found is None:
        known = ", ".join(MEDIA_TYPES)
        raise ProblemError(
            415,
            "unsupported_media_type",
            f"send an input as one of {known}, or say ?format= ({', '.join(_FORMATS)}); application/json is for a job "
            "whose input_url is fetched",
            _CLOSE,
        )
    return found


def linked_format(url: str, asked: InputFormat | None) -> InputFormat:
    """The format of what lies at an address; raises ``ProblemError`` 422 where nothing says it."""
    try:
        path = urlsplit(url).path.lower()
    except ValueError:  # is refused when it is fetched
        path = ""
    found = asked or next((name for name in _FORMATS if path.endswith(f".{name}")), None)
    if found is None:
        detail = f"the address does not say what lies there; say format ({', '.join(_FORMATS)})"
        raise ProblemError(422, "unknown_format", detail)
    return found


class InputFile:
    """A file that is written under a limit. An async context manager; the file stays when the block ends well."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.n_bytes = 0
        self._path = path
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._file: BinaryIO | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self._write()
        if self._file is not None:
            self._file.close()

    async def take(self, chunk: bytes) -> None:
        """Write the next piece; raises ``ProblemError`` 413 over the limit, 507 where the disk is full."""
        self.n_bytes += len(chunk)
        if self.n_bytes > self._max_bytes:
            raise ProblemError(
                413,
                "too_many_bytes",
                f"the input is over the limit of {self._max_bytes} bytes",
                _CLOSE,
                limit="jobs_max_bytes",
                limit_value=self._max_bytes,
            )
        self._buffer += chunk
        if len(self._buffer) >= _BUFFER_BYTES:
            await self._write()

    async def _write(self) -> None:
        content = bytes(self._buffer)
        self._buffer.clear()
        try:
            await asyncio.to_thread(self._append, content)
        except OSError as error:
            detail = f"the input cannot be kept ({error.strerror}); ask the operator for room in the folder of jobs"
            raise ProblemError(507, "no_room", detail, _CLOSE) from error

    def _append(self, content: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("xb")
        self._file.write(content)
        self._file.flush()


async def receive(stream: AsyncIterable[bytes], path: Path, max_bytes: int) -> int:
    """Write a request's body; how many bytes it had."""
    async with InputFile(path, max_bytes) as file:
        async for chunk in stream:
            await file.take(chunk)
    if not file.n_bytes:
        raise ProblemError(400, "empty", "the body is empty; send the input, with curl by --data-binary @FILE")
    return file.n_bytes


async def fetch(fetcher: Fetcher, url: str, path: Path, max_bytes: int, timeout_s: float) -> int:
    """Write what lies at an address; how many bytes it had."""
    async with InputFile(path, max_bytes) as file:
        await fetcher.download(url, timeout_s, file.take)
    if not file.n_bytes:
        raise ProblemError(422, "url_not_fetched", "there is nothing at the address of the input")
    return file.n_bytes
