"""Errors of a batch run."""

from model.errors import MemeguardError


class BatchError(MemeguardError):
    """The input, the output folder or what was asked for does not fit; the message says what and what to do."""


class WorkersFailedError(BatchError):
    """Whoever runs it has to mend something: there is no memory, no disk, no engine. The input may be sound."""


class ColumnsError(BatchError):
    """A table lacks a column that was asked for. ``short`` leaves out which it has: without a header, they are data."""

    def __init__(self, message: str, short: str) -> None:
        super().__init__(message)
        self.short = short
