"""Error of an index, of a search in it, and of a map of it."""

from model.errors import MemeguardError


class MemeIndexError(MemeguardError):
    """The index, the bundle or what was asked for does not fit; the message says what and what to do."""
