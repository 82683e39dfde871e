"""Parser of multipart/form-data, from bytes in memory to parts in memory.

Starlette's own form parsing spools uploads over 1 MB to disk, takes a body that is cut short for a whole one, and reads
text that is not UTF-8 as Latin-1. What was uploaded here never touches a disk.
"""

import binascii
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serving.problems import ProblemError
from serving.requests.base64_image import from_base64_bytes
from serving.requests.charsets import decoded, known_charset

_DISPOSITION, _TYPE = b"content-disposition", b"content-type"
_TRANSFER_ENCODING, _ENCODING = b"content-transfer-encoding", b"content-encoding"
#: Headers that say how a part is read; each is there once at most.
_HEADERS = (_DISPOSITION, _TYPE, _TRANSFER_ENCODING, _ENCODING)
_AS_IT_STANDS = (b"", b"7bit", b"8bit", b"binary")


@dataclass(frozen=True)
class FormPart:
    """One field of a form, as it was sent; a file's name and its media type are not kept: nothing may depend on them.

    ``place`` is what the field is called where something is wrong with it.
    """

    name: str
    sent: bytes = field(repr=False)
    #: Whether it is what browsers send for a file that nobody chose.
    is_unchosen: bool = False
    charset: str | None = None
    transfer_encoding: bytes = b""

    def content(self, place: str) -> bytes:
        """What is in it, with its transfer encoding undone; raises ``ProblemError`` 400 or 415."""
        if self.transfer_encoding in _AS_IT_STANDS:
            return self.sent
        if self.transfer_encoding == b"base64":
            return from_base64_bytes(self.sent, place)
        if self.transfer_encoding == b"quoted-printable":
            return binascii.a2b_qp(self.sent)
        raise _encoded(f"{place}: its Content-Transfer-Encoding is none of binary, 8bit, base64 and quoted-printable")

    def text(self, place: str, default_charset: str) -> str:
        """The same as text, in the charset that it declares; raises ``ProblemError`` 400 or 415."""
        charset = default_charset if self.charset is None else known_charset(self.charset, place)
        return decoded(self.content(place), charset, place)


def parse_parts(body: bytes, boundary: bytes, max_parts: int) -> list[FormPart]:
    """Every part in the order sent.

    Raises ``ProblemError``: 400 for a body that is damaged or ends early, 413 for more than ``max_parts`` parts.
    """
    collector = _Collector(max_parts)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_header_field": collector.on_header_field,
                "on_header_value": collector.on_header_value,
                "on_header_end": collector.on_header_end,
                "on_headers_finished": collector.on_headers_finished,
                "on_part_begin": collector.on_part_begin,
                "on_part_data": collector.on_part_data,
                "on_part_end": collector.on_part_end,
                "on_end": collector.on_end,
            },
        )
        parser.write(body)
    except FormParserError as error:
        raise _malformed(str(error)) from error
    if not collector.ended:
        raise _malformed("the last boundary is missing")
    return collector.parts


class _Collector:
    """Receives what the parser finds. Each callback gets a buffer and the range of it that is meant."""

    def __init__(self, max_parts: int) -> None:
        self.parts: list[FormPart] = []
        self.ended = False
        self._max_parts = max_parts
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._options: dict[bytes, bytes] = {}
        self._charset: str | None = None
        self._content = bytearray()

    @property
    def _number(self) -> int:
        return len(self.parts) + 1

    def on_part_begin(self) -> None:
        if len(self.parts) == self._max_parts:
            raise ProblemError(413, "too_many_parts", f"the form has more than {self._max_parts} parts")
        self._headers = {}
        self._content = bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        name, value = bytes(self._header_name).lower(), bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()
        if name in self._headers:
            raise _malformed(f"part {self._number} has two headers {name.decode('ascii')}")
        if name in _HEADERS:
            self._headers[name] = value

    def on_headers_finished(self) -> None:
        _, self._options = parse_options_header(self._headers.get(_DISPOSITION, b""))
        media_type, options = parse_options_header(self._headers.get(_TYPE, b""))
        charset = options.get(b"charset")
        self._charset = None if charset is None else charset.decode("latin-1")
        if b"name" not in self._options:
            raise _malformed(f"part {self._number} has no name in its Content-Disposition")
        if media_type.startswith(b"multipart/"):
            raise _encoded(f"part {self._number} of the form holds parts itself; repeat the field for several files")
        if self._headers.get(_ENCODING, b"").strip().lower() not in (b"", b"identity"):
            raise _encoded(f"part {self._number} of the form has a Content-Encoding; send it as it is")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def on_part_end(self) -> None:
        self.parts.append(
            FormPart(
                self._options[b"name"].decode("utf-8", "replace"),
                bytes(self._content),
                is_unchosen=not self._content and self._options.get(b"filename") == b"",
                charset=self._charset,
                transfer_encoding=self._headers.get(_TRANSFER_ENCODING, b"").strip().lower(),
            )
        )

    def on_end(self) -> None:
        self.ended = True


def _malformed(detail: str) -> ProblemError:
    return ProblemError(400, "malformed_multipart", f"the multipart body is damaged: {detail}")


def _encoded(detail: str) -> ProblemError:
    return ProblemError(415, "unsupported_encoding", detail)
