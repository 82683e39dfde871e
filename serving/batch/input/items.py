"""What a row of the input holds, and what its columns are called."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called. ``image`` empty: a table of words alone, without pictures."""

    id: str = "id"
    image: str = "image"
    text: str = "text"
    tags: str = "tags"


@dataclass(frozen=True)
class Item:
    """One row of the input. ``image`` is a path or address, the bytes of a picture file, or None (words alone).

    ``place`` says where the row is, for messages.
    """

    place: str
    id: str | None
    image: str | bytes | None = field(repr=False)
    text: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        """About what it takes in memory."""
        return len(self.image or ()) + len(self.text or ()) + sum(map(len, self.tags))
