"""Errors of jobs."""

from model.errors import MemeguardError


class JobsOffError(MemeguardError):
    """A server that was asked to run jobs cannot; the message says what is missing."""


class JobError(MemeguardError):
    """A job cannot be done as it was asked for; ``code`` and message become its error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooManyJobsError(Exception):
    """A key has as many jobs as it may; ``limit`` names the setting."""

    def __init__(self, limit: str, value: int) -> None:
        super().__init__()
        self.limit = limit
        self.value = value
