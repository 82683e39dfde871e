"""Relations: changes of a meme's form that keep its meaning, a file for each family.

Read ``base`` (what a relation is) and ``proof`` (how it is known that the meaning was kept), then the relations:
``words`` and ``sentences``; ``drawing`` and ``warped`` on ``lettering``. Importing this package makes them all known by
name (``base.RELATIONS``).
"""

from training.stress.relations import drawing, sentences, warped, words

__all__ = ["drawing", "sentences", "warped", "words"]
