"""What a larger text tower says of sentences, in a file that is small enough to come with the code.

Of each sentence the file has the first eight bytes of its sha256, not its words, and a probability of the task's second
class; the words are wherever the data are. Made by ``memeguard soft-labels``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from model.atomic import write_atomically
from training.errors import ConfigError

#: Those that come with the code: by the network of the config beside it.
SHIPPED = Path(__file__).parents[1] / "configs" / "sentence_teacher.safetensors"
_KEYS, _PROBABILITIES = "keys", "probabilities"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SentenceLabels:
    """``keys`` uint64 [N], ascending, and ``probabilities`` float16 [N] of sentences, for the binary ``task``.

    ``teacher`` says whose word it is.
    """

    task: str
    teacher: str
    keys: NDArray[np.uint64]
    probabilities: NDArray[np.float16]

    @classmethod
    def of(cls, task: str, teacher: str, said: Mapping[str, float]) -> "SentenceLabels":
        """What was said of each sentence."""
        by_key = {_key(text): probability for text, probability in said.items()}
        keys = np.array(sorted(by_key), dtype=np.uint64)
        return cls(task, teacher, keys, np.array([by_key[int(key)] for key in keys], dtype=np.float16))

    def of_texts(self, texts: Sequence[str]) -> Floats:
        """Probabilities [N]; NaN for a text of which nothing was said."""
        if not len(self.keys):
            return np.full(len(texts), np.nan)
        wanted = np.array([_key(text) for text in texts], dtype=np.uint64)
        places = np.searchsorted(self.keys, wanted).clip(max=len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, self.probabilities[places].astype(np.float64), np.nan)


def write_sentence_labels(path: Path, labels: SentenceLabels) -> None:
    """Keep them at ``path``, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"task": labels.task, "teacher": labels.teacher}
    write_atomically(path, save({_KEYS: labels.keys, _PROBABILITIES: labels.probabilities}, metadata=about))


def read_sentence_labels(path: Path) -> SentenceLabels:
    """What ``write_sentence_labels`` wrote; raises ``ConfigError`` when it cannot be read."""
    try:
        with safe_open(path, framework="numpy") as found:
            about = found.metadata() or {}
            keys, probabilities = (found.get_tensor(name) for name in (_KEYS, _PROBABILITIES))
            return SentenceLabels(about["task"], about["teacher"], keys, probabilities)
    except (OSError, KeyError, SafetensorError) as error:
        raise ConfigError(
            f"{path}: what a teacher says of sentences cannot be read ({error}); make it with `memeguard soft-labels`, "
            "or leave sentence_teacher out"
        ) from error


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
