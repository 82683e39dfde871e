"""Callers of a real server as no client library would have them: any address, any header, any bytes."""

import http.client
import socket

import psutil

from support.pictures import meme
from support.server import BOUNDARY, Answer, Server, form

ALL = "0.0.0.0"  # noqa: S104


def own_address() -> str:
    """An address of this machine that is not loopback: only this test calls it, and no other machine is called."""
    found: list[str] = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family == socket.AF_INET and not entry.address.startswith("127.")
    ]
    return found[0]


def ask(
    server: Server, method: str, path: str, host: str = "127.0.0.1", body: bytes | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection(host, server.port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()


def classify_at(server: Server, key: str, host: str = "127.0.0.1") -> Answer:
    """Judge a small meme."""
    body = form([("image", "a.png", meme()), ("text", None, b"words")])
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    return ask(server, "POST", "/v1/classify", host, body, X_API_Key=key, Content_Type=content_type)


def raw(server: Server, *pieces: bytes) -> bytes:
    """What comes back for bytes as they are; a server that hangs up while it is sent to has answered before."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        answer = bytearray()
        try:
            for piece in pieces:
                connection.sendall(piece)
            while received := connection.recv(65536):
                answer += received
        except ConnectionError:
            answer += _rest(connection)
        return bytes(answer)


def _rest(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""
