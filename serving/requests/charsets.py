"""Decoder of text by the charset that a client declares: the same words as in UTF-8, or an error that says why not."""

import re
from encodings.aliases import aliases

from serving.problems import ProblemError

UTF_8 = "utf-8"
#: Python's names of what people's programs write text in. Python has codecs beyond these that are no charsets (rot13),
#: or that write one text in many ways (UTF-7).
_KNOWN = frozenset(
    [
        *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "ascii"),
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{page}" for page in (437, 850, 852, 866, 874, 932, 949, 950, *range(1250, 1259))),
        *("koi8-r", "koi8-u", "mac-roman", "gb2312", "gbk", "gb18030", "big5", "big5hkscs"),
        *("euc_jp", "shift_jis", "iso2022_jp", "euc_kr", "tis-620"),
    ]
)
#: What Windows and the web call some of them, and Python does not.
_OTHER_LABELS = {
    **{"x-sjis": "shift_jis", "windows-31j": "cp932", "windows-874": "cp874", "windows-949": "cp949"},
    **{"x-cp1252": "cp1252", "x-gbk": "gbk", "x-euc-jp": "euc_jp", "utf-8-sig": "utf-8", "iso-8859-8-i": "iso8859-8"},
}
_BOM = "\ufeff"
_EXAMPLES = "UTF-8, UTF-16, ISO-8859-1, windows-1252 and other charsets of text are read"


def _squashed(label: str) -> str:
    return re.sub("[^a-z0-9]", "", label.lower())


def _labels(name: str) -> set[str]:
    """All that Python calls the charset ``name``. (It is not asked label by label: it keeps what it was ever asked.)"""
    module = aliases.get(name.replace("-", "_"), name.replace("-", "_"))
    return {_squashed(alias) for alias, codec in aliases.items() if codec == module} | {_squashed(name)}


_BY_LABEL = {label: name for name in _KNOWN for label in _labels(name)} | {
    _squashed(label): name for label, name in _OTHER_LABELS.items()
}


def known_charset(label: str, name: str) -> str:
    """Python's name of the charset that ``name`` is declared to be in; raises ``ProblemError`` 415 for none of text."""
    found = _BY_LABEL.get(_squashed(label))
    if found is None:
        raise ProblemError(415, "unsupported_charset", f"its charset is not known here; {_EXAMPLES}").at(name)
    return found


def decoded(content: bytes, charset: str, name: str) -> str:
    """``content`` as text, without its byte order mark; raises ``ProblemError`` 400 where it is not in ``charset``."""
    try:
        return content.decode(charset).removeprefix(_BOM)
    except UnicodeError as error:
        raise ProblemError(400, "bad_encoding", f"this is not {charset.upper()}").at(name) from error
