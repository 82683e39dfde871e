"""Small HTTP moderators, as real servers in this process: a word list, and one that is often busy or broken."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What it flags: the word as it is written here, and in no other way.
LISTED = "grumblers"
Reply = tuple[int, Mapping[str, str], Any]


@dataclass
class Moderator:
    """A server that is up. ``asked`` are the bodies that it got, ``headers`` those of the last one.

    ``failures`` are replies that it gives first, one a request, before it answers as it should.
    """

    port: int
    asked: list[Any] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    failures: list[Reply] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


def weak_moderator(body: Any) -> Reply:
    """Flags words that hold ``LISTED``; it reads no picture."""
    is_listed = LISTED in str(body.get("text", ""))
    return 200, {}, {"result": {"score": 0.9 if is_listed else 0.1, "flagged": is_listed}}


@contextmanager
def moderator(answer: Callable[[Any], Reply] = weak_moderator) -> Iterator[Moderator]:
    """A server that answers every POST with ``answer`` of its body: of JSON, or of a form's fields as a mapping."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    held = Moderator(server.server_address[1])
    server.moderator, server.answer = held, answer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: in two, each call would wait 40 ms for the first to be acknowledged.
    wbufsize = -1

    def do_POST(self) -> None:
        held: Moderator = self.server.moderator  # type: ignore[attr-defined]
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = _parsed(raw, self.headers["Content-Type"])
        held.asked.append(body)
        held.headers = {name.lower(): value for name, value in self.headers.items()}
        reply: Reply = held.failures.pop(0) if held.failures else self.server.answer(body)  # type: ignore[attr-defined]
        self._send(*reply)

    def _send(self, status: int, headers: Mapping[str, str], document: Any) -> None:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def _parsed(raw: bytes, content_type: str) -> Any:
    if content_type.startswith("application/json"):
        return json.loads(raw)
    parser = BytesParser(policy=HTTP)
    message = parser.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    fields = {}
    for part in message.iter_parts():
        content = bytes(part.get_payload(decode=True))
        name = part["Content-Disposition"].params["name"]
        fields[name] = base64.b64encode(content).decode() if part.get_filename() else content.decode()
    return fields
