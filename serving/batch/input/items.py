"""Item (a row of the input) and the names of its columns."""

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

    ``location`` says where the row is, for messages. ``folder`` is that of its table, where that is on this machine.
    """

    location: str
    id: str | None
    image: str | bytes | None = field(repr=False)
    text: str | None = field(default=None, repr=False)
    tags: tuple[str, ...] = ()
    folder: str | None = None

    @property
    def n_bytes(self) -> int:
        """About what it takes in memory."""
        return len(self.image or ()) + len(self.text or ()) + sum(map(len, self.tags))
