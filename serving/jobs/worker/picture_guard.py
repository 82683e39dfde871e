"""Guard of what the rows of a job name: files of its own upload, and https addresses by the guarded fetcher."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from model import MemeError
from model.errors import MemeErrorCode
from serving.batch.input.picture_paths import is_within, shown_address
from serving.inference.image_fetcher import Fetcher
from serving.jobs.task import FetchOptions
from serving.problems import ProblemError


@dataclass(frozen=True)
class JobPictures:
    """See ``PictureGuard``. ``folder`` holds what was sent; its path is resolved."""

    folder: Path
    fetch: FetchOptions

    @property
    def within(self) -> Path:
        """The upload."""
        return self.folder

    def read(self, image: str, max_bytes: int) -> bytes:
        """The bytes of a picture; a path outside the upload is answered as one that is not there."""
        if "://" in image or "::" in image:
            return self._fetched(image)
        try:
            if is_within(image, self.folder) and Path(image).is_file():
                with Path(image).open("rb") as file:
                    return file.read(max_bytes + 1)
        except (OSError, ValueError):  # a name that no file can have
            pass
        raise MemeError("unreadable_file", f"{self._shown(image)}: there is no such file in what was sent")

    def _fetched(self, url: str) -> bytes:
        deadline = time.monotonic() + self.fetch.fetch_timeout_s
        try:
            return _wait_for(_fetcher(self.fetch).fetch(url, deadline, lambda _: None))
        except ProblemError as problem:
            code: MemeErrorCode = "too_many_bytes" if problem.code == "too_many_bytes" else "unreadable_file"
            raise MemeError(code, problem.detail) from problem

    def _shown(self, image: str) -> str:
        return shown_address(image.removeprefix(f"{self.folder}/"))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of this process's fetches, on a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="job-fetches", daemon=True).start()
    return loop


@cache
def _fetcher(options: FetchOptions) -> Fetcher:
    return Fetcher(options.settings())


def _wait_for(work: Coroutine[Any, Any, bytes]) -> bytes:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()
