"""Errors of signals."""

from model.errors import MemeguardError


class SignalError(MemeguardError):
    """What is to judge cannot be asked, or a signal is none; the message says why and what to do."""
