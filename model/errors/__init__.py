"""The errors that callers of ``model`` may meet, each with a stable code beside its message.

``validation`` puts those of pydantic into words.
"""

from typing import Literal

MemeErrorCode = Literal[
    "empty",
    "unsupported_format",
    "corrupt",
    "too_many_bytes",
    "too_many_pixels",
    "too_many_scans",
    "too_many_parts",
    "out_of_time",
    "text_too_long",
    "bad_tags",
    "unreadable_file",
]


class MemeguardError(Exception):
    """Base of every error raised on purpose by this project."""


class MemeError(MemeguardError, ValueError):
    """What was given is not a meme we can judge.

    ``code`` is stable and machine readable; the message says which limit was hit or what was found.
    """

    def __init__(self, code: MemeErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: MemeErrorCode = code
        self.message = message


class BundleError(MemeguardError):
    """A bundle folder is missing, damaged or does not fit this code; the message says which part and what to do."""


class EngineUnavailableError(MemeguardError):
    """A part that was asked for by name (an OCR engine, an inference engine) is not on this machine."""


class EngineConflictError(MemeguardError, ValueError):
    """Two engines were asked for, under the name and under the older one."""


class ExportRefusedError(MemeguardError):
    """An export whose numbers differ too much from the network's; the message holds the difference and the limit."""
