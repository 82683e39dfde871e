"""Parser of multipart/form-data, from bytes in memory to parts in memory.

Starlette's own form parsing spools uploads over 1 MB to disk, takes a body that is cut short for a whole one, and reads
text that is not UTF-8 as Latin-1. What was uploaded here never touches a disk.
"""

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serving.problems import ProblemError


@dataclass(frozen=True)
class FormPart:
    """One field of a form; a file's name and content type are not kept, since nothing may depend on them."""

    name: str
    content: bytes


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
        self._name: str | None = None
        self._content = bytearray()

    def on_part_begin(self) -> None:
        if len(self.parts) == self._max_parts:
            raise ProblemError(413, "too_many_parts", f"the form has more than {self._max_parts} parts")
        self._name = None
        self._content = bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        if bytes(self._header_name).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._header_value))
            name = options.get(b"name")
            self._name = None if name is None else name.decode("utf-8", "replace")
        self._header_name.clear()
        self._header_value.clear()

    def on_headers_finished(self) -> None:
        if self._name is None:
            raise _malformed("a part has no name in its Content-Disposition")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def on_part_end(self) -> None:
        self.parts.append(FormPart(self._name or "", bytes(self._content)))

    def on_end(self) -> None:
        self.ended = True


def _malformed(detail: str) -> ProblemError:
    return ProblemError(400, "malformed_multipart", f"the multipart body is damaged: {detail}")
