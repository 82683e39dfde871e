"""Relations: changes of a meme's form that keep its meaning, a file for each family or part of one.

Read ``base`` (what a relation is) and ``proof`` (how it is known that the meaning was kept), then the relations:
``words`` and ``sentences``; ``drawing`` and ``warped`` on ``lettering``; ``picture``; ``container``; ``fusion``,
``screenshots`` and ``split``. Importing this package makes them all known by name (``base.RELATIONS``).
"""

from training.stress.relations import (
    container,
    drawing,
    fusion,
    picture,
    screenshots,
    sentences,
    split,
    warped,
    words,
)

__all__ = ["container", "drawing", "fusion", "picture", "screenshots", "sentences", "split", "warped", "words"]
