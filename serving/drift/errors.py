"""Errors of drift."""

from model.errors import MemeguardError


class DriftError(MemeguardError):
    """Windows that cannot be compared; the message says why and what to do."""
