"""One request to an ASGI app, a message at a time: what a server does, with the caller's side in the test's hands."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from serving.app_state import AppState
from serving.http.app import create_app
from support.server import BOUNDARY, form

FORM = f"multipart/form-data; boundary={BOUNDARY}"


def upload(picture: bytes, text: str) -> bytes:
    return form([("image", "meme.png", picture), ("text", None, text.encode())])


@asynccontextmanager
async def started(state: AppState) -> AsyncIterator[FastAPI]:
    app = create_app(lambda: state)
    async with app.router.lifespan_context(app):
        yield app


class Call:
    """A POST whose body comes in ``chunks``; ``whole`` False: it stays incomplete. ``leave()`` ends the connection."""

    def __init__(
        self, chunks: Sequence[bytes], *, length: int | None = None, whole: bool = True, path: str = "/v1/classify"
    ) -> None:
        self.n_received = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self._chunks = chunks
        self._whole = whole
        self._left = asyncio.Event()
        sent = [(b"content-type", FORM.encode())] + ([] if length is None else [(b"content-length", b"%d" % length)])
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": sent,
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 3000),
            "state": {},
        }

    def json(self) -> Any:
        return json.loads(self.body)

    def leave(self) -> None:
        self._left.set()

    async def to(self, app: FastAPI) -> "Call":
        await app(self._scope, self._receive, self._send)
        return self

    async def _receive(self) -> dict[str, Any]:
        at, self.n_received = self.n_received, self.n_received + 1
        if at < len(self._chunks):
            return {
                "type": "http.request",
                "body": self._chunks[at],
                "more_body": at < len(self._chunks) - 1 or not self._whole,
            }
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
