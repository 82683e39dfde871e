"""Decoder of pictures that come as text, in base64 or in a data: URL: of a request's JSON or of a batch's rows.

Base64 is taken in either alphabet (``+/`` or ``-_``), with its padding or without, and wrapped into lines.
"""

import base64
import re

from serving.problems import ProblemError

_DATA = "data:"
_BLANKS = b" \t\r\n\v\f"
_MAX_BLANKS = 64
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_PER_QUANTUM = 4
#: What ends the head of a data: URL; browsers allow blanks before the word.
_IN_BASE64 = re.compile(r"; *base64 *", re.IGNORECASE)
#: What is percent-encoded of base64 in a URL.
_IN_PERCENT = {f"%{ord(char):02X}": char for char in "+/=-_ \t\r\n"}


def image_from_text(text: str, name: str) -> bytes:
    """Bytes of a picture in base64 or in a data: URL; raises ``ProblemError`` 400 naming the member."""
    return from_data_url(text, name) if is_data_url(text) else from_base64(text, name)


def from_base64(text: str, name: str) -> bytes:
    """Bytes of base64; raises ``ProblemError`` 400 naming the member."""
    try:
        return _decoded(text.encode("ascii"))
    except ValueError as error:
        raise _bad(name) from error


def from_base64_bytes(content: bytes, name: str) -> bytes:
    """The same of base64 that came as bytes."""
    try:
        return _decoded(content)
    except ValueError as error:
        raise _bad(name) from error


def is_data_url(url: str) -> bool:
    """Whether the picture is in the URL itself."""
    return url[: _MAX_BLANKS + len(_DATA)].lstrip()[: len(_DATA)].lower() == _DATA


def from_data_url(url: str, name: str = "image") -> bytes:
    """Bytes of ``data:...;base64,...``; raises ``ProblemError`` 400. The media type is not looked at: bytes decide.

    Letters and digits in percent-encoding are refused: nobody writes them so, and undoing that takes a list of pieces.
    """
    head, comma, content = url.partition(",")
    if not comma or not _IN_BASE64.fullmatch(head[head.rfind(";") :]):
        detail = "a data: URL must be data:image/...;base64, followed by the picture"
        raise ProblemError(400, "bad_data_url", detail).at(name)
    if "%" in content:
        for code, char in _IN_PERCENT.items():
            content = content.replace(code, char).replace(code.lower(), char)
    return from_base64(content, name)


def _decoded(content: bytes) -> bytes:
    # Not split() and join(): a list of millions of pieces takes many times the memory of the text.
    content = content.translate(_TO_STANDARD, _BLANKS)
    missing = -len(content) % _PER_QUANTUM
    if missing and not content.endswith(b"="):
        content += b"=" * missing
    return base64.b64decode(content, validate=True)


def _bad(name: str) -> ProblemError:
    return ProblemError(400, "bad_base64", "this is not base64").at(name)
