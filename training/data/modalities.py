"""Which modalities a network is shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Modalities:
    """Which modalities a network is shown; a twin is shown one alone."""

    image: bool = True
    text: bool = True


BOTH = Modalities()
