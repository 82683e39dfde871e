"""Multipart bodies as programs write them: each part with headers of its own."""

from dataclasses import dataclass, field

from support.server import BOUNDARY


@dataclass(frozen=True)
class Part:
    """One field: its content, and further headers."""

    name: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    disposition: str = 'form-data; name="{}"'


def multipart(*parts: Part) -> bytes:
    body = b""
    for part in parts:
        headers = {"Content-Disposition": part.disposition.format(part.name)} | part.headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body += f"--{BOUNDARY}\r\n{lines}\r\n".encode() + part.content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()
