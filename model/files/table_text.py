"""Text of tables: in which encoding a file is and by what its columns are separated, told by how it begins."""

import codecs

#: Bytes that ``encoding_of`` looks at.
HEAD_BYTES = 4
#: UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SEPARATORS = (",", "\t", ";", "|")


def encoding_of(head: bytes) -> str:
    """UTF-8 unless a byte order mark says UTF-16 or UTF-32, or every other byte is zero, as in UTF-16 without one."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in head[:HEAD_BYTES])
    if zeros == (False, True, False, True):
        return "utf-16-le"
    return "utf-16-be" if zeros == (True, False, True, False) else "utf-8"


def separator_of(header: str) -> str:
    """What separates the columns of a header: a tab, or where there is no comma a semicolon or an upright line."""
    if "\t" in header:
        return "\t"
    return next((sign for sign in SEPARATORS if sign in header), ",")
