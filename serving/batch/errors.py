"""Error of a batch run."""

from model.errors import MemeguardError


class BatchError(MemeguardError):
    """The input, the output folder or what was asked for does not fit; the message says what and what to do."""
