"""Errors of review, each with what to do."""

from model.errors import MemeguardError


class ReviewError(MemeguardError):
    """What was asked cannot be done; the message says why."""


class UnknownItemError(ReviewError):
    """There is no such decision, or nobody asked for a review of it."""

    def __init__(self) -> None:
        super().__init__("there is no such item; its decision was deleted, or never sent to review")


class NotHeldError(ReviewError):
    """The item is not with this reviewer: another has it, or it was decided."""

    def __init__(self) -> None:
        super().__init__(
            "this item is not yours now: it went back to the queue, or another reviewer has it. Take the next"
        )


class NothingToUndoError(ReviewError):
    """The reviewer has done nothing, or another has gone on from there."""
