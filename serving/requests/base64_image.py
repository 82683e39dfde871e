"""Decoder of pictures that come as text, in base64 or in a data: URL: of a request's JSON or of a batch's rows."""

import base64
import binascii

from serving.problems import ProblemError

_DATA = "data:"
_BLANKS = b" \t\r\n\v\f"
#: What is percent-encoded of base64 in a URL.
_IN_PERCENT = {f"%{ord(char):02X}": char for char in "+/= \t\r\n"}


def from_base64(text: str, name: str) -> bytes:
    """Bytes of standard base64, which may be wrapped into lines; raises ``ProblemError`` 400 naming the member."""
    try:
        # Not split() and join(): a list of millions of pieces takes many times the memory of the text.
        return base64.b64decode(text.encode("ascii").translate(None, _BLANKS), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(400, "bad_base64", f"{name} is not standard base64") from error


def is_data_url(url: str) -> bool:
    """Whether the picture is in the URL itself."""
    return url[: len(_DATA)].lower() == _DATA


def from_data_url(url: str) -> bytes:
    """Bytes of ``data:...;base64,...``; raises ``ProblemError`` 400. The media type is not looked at: bytes decide.

    Letters and digits in percent-encoding are refused: nobody writes them so, and undoing that takes a list of pieces.
    """
    head, comma, content = url.partition(",")
    if not comma or not head.lower().rstrip().endswith(";base64"):
        raise ProblemError(400, "bad_data_url", "a data: URL must be data:image/...;base64, followed by the picture")
    if "%" in content:
        for code, char in _IN_PERCENT.items():
            content = content.replace(code, char).replace(code.lower(), char)
    return from_base64(content, "the data: URL")
