"""Pooling of what the network says of the parts of one meme (windows of its words, views of its picture): the highest.

Of a yes/no task, and of each class that is a yes/no question of its own, the highest logit counts; of the class that
says that no other holds (``Task.empty_class``) the lowest, since that is so only where it is so in every part. Of a
task whose classes exclude each other the part counts that is highest in the meme's first yes/no task, since classes of
different parts make no distribution together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import Task

Float = TypeVar("Float", bound=np.floating[Any])

#: By task, float32 [N, n_logits].
Logits = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Pooled(Generic[Float]):
    """Logits of one meme, by task [1, n_logits], and by task which of its parts decided it.

    ``leading`` is the part that decided the first yes/no task.
    """

    logits: dict[str, NDArray[Float]]
    deciding: dict[str, int]
    leading: int


def pool(tasks: Sequence[Task], logits: Mapping[str, NDArray[Float]]) -> Pooled[Float]:
    """The highest of the parts of one meme; ``logits`` by task [P, n_logits], P >= 1.

    Parts of several modalities can be compared by their calibrated logits alone.
    """
    leading = next((int(logits[task.name].argmax()) for task in tasks if task.kind == "binary"), 0)
    pooled, deciding = {}, {}
    for task in tasks:
        values = logits[task.name]
        if task.kind == "multiclass":
            pooled[task.name], deciding[task.name] = values[leading : leading + 1], leading
        else:
            found = np.array([name != task.empty_class for name in task.classes[-task.n_logits :]])
            pooled[task.name] = np.where(found, values.max(axis=0, keepdims=True), values.min(axis=0, keepdims=True))
            deciding[task.name] = int(values[:, found].max(axis=1).argmax())
    return Pooled(pooled, deciding, leading)
