"""A text tower that a phase leaves alone, read once a text: its outputs are remembered while the phase lasts.

    with read_once(learner.network.text_tower, texts):
        ...  # the tower gives what it gives in evaluation mode; of ``texts``, without being run

What a batch is given depends on the weights, on ``texts`` and on that batch alone, never on what was read before it: so
a run that resumes goes on, bit for bit, as if unbroken.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.network.text_tower import TextTower
from training.data.examples import Examples
from training.data.modalities import Modalities
from training.trainer.learner import Learner, evaluating

#: What the outputs may take of each process's memory; texts that come later are read anew each time.
MAX_BYTES = 1_500_000_000
_BATCH_SIZE = 64
#: Stands in a key for a token that the mask hides.
_HIDDEN = -1

Texts = tuple[Tensor, Tensor]


class _Outputs(NamedTuple):
    """What a tower gives for one text of T tokens."""

    pooled: NDArray[np.float32]  # [Dt]
    tokens: NDArray[np.float32]  # [T, Dw]


class RememberedTexts:
    """The outputs of ``tower`` for ``texts``, pairs of ids and masks [N, T] int64, as it gives them in evaluation mode.

    They take at most ``max_bytes``: the shortest texts come first. Nothing is added later.
    """

    def __init__(self, tower: TextTower, texts: Iterable[Texts], max_bytes: int) -> None:
        self._tower, self._run = tower, tower.forward
        self._known: dict[bytes, _Outputs] = {}
        keys = _in_order(key for ids, mask in texts for key in _keys(ids, mask))
        for at in range(0, len(keys), _BATCH_SIZE):
            for key, outputs in self._compute(keys[at : at + _BATCH_SIZE]).items():
                max_bytes -= outputs.pooled.nbytes + outputs.tokens.nbytes
                if max_bytes < 0:
                    return
                self._known[key] = outputs

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """See ``TextTower.forward``; float32, zeros behind the last token shown and for a text of mask zeros."""
        keys = _keys(input_ids, attention_mask)
        # Read together, and not remembered: which batch came first must not matter.
        found = ChainMap(self._known, self._compute(_in_order(key for key in keys if key not in self._known)))
        n_texts, n_tokens = input_ids.shape
        pooled = np.zeros((n_texts, self._tower.pooled_width), dtype=np.float32)
        tokens = np.zeros((n_texts, n_tokens, self._tower.token_width), dtype=np.float32)
        for row, key in enumerate(keys):
            if key:
                outputs = found[key]
                pooled[row], tokens[row, : len(outputs.tokens)] = outputs
        return torch.from_numpy(pooled).to(input_ids.device), torch.from_numpy(tokens).to(input_ids.device)

    def _compute(self, keys: list[bytes]) -> dict[bytes, _Outputs]:
        if not keys:
            return {}
        rows = [np.frombuffer(key, dtype=np.int64) for key in keys]
        ids = np.full((len(rows), max(map(len, rows))), _HIDDEN)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
        device = next(self._tower.parameters()).device
        shown = torch.from_numpy(ids).to(device)
        # In float32 also where a step runs in half precision: dev is measured with the same outputs.
        with evaluating(self._tower), torch.no_grad(), torch.autocast(device.type, enabled=False):
            pooled, tokens = (part.float().cpu().numpy() for part in self._run(shown.clamp(min=0), (shown >= 0).long()))
        return {
            key: _Outputs(pooled[place].copy(), tokens[place, : len(row)].copy())
            for place, (key, row) in enumerate(zip(keys, rows, strict=True))
        }


def read_once(tower: TextTower, texts: Iterable[Texts]) -> AbstractContextManager[None]:
    """Let ``tower``, which must not change meanwhile, be run once over each of ``texts``; afterwards it is as before.

    Its ``forward`` alone is another one: parameters, their names and what is saved stay as they are.
    """
    return read_together([tower], list(texts))


@contextmanager
def read_together(towers: Sequence[TextTower], texts: Sequence[Texts]) -> Iterator[None]:
    """``read_once`` for several towers: those of equal weights are run once over each of ``texts`` for all of them.

    The networks of a run whose text was tuned once have such towers. They must not be copied meanwhile: a copy would
    go on telling what this tower gave.
    """
    groups = _of_equal_weights(towers)
    with ExitStack() as readings:
        for first, *others in groups:
            remembered = RememberedTexts(first, texts, MAX_BYTES // len(groups))
            for tower in (first, *others):
                tower.forward = remembered.forward  # type: ignore[method-assign]
                readings.callback(delattr, tower, "forward")
        yield


def _of_equal_weights(towers: Iterable[TextTower]) -> list[list[TextTower]]:
    """Towers of one kind and equal parameters together; a tower that is named twice is there once."""
    groups: list[list[TextTower]] = []
    for tower in {id(tower): tower for tower in towers}.values():
        group = next((group for group in groups if _are_equal(group[0], tower)), None)
        if group is None:
            groups.append([tower])
        else:
            group.append(tower)
    return groups


def _are_equal(one: TextTower, other: TextTower) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    is_alike = type(one) is type(other) and ours.keys() == theirs.keys()
    return is_alike and all(torch.equal(values, theirs[name]) for name, values in ours.items())


def texts_of(learner: Learner, train: Examples, dev: Examples, modalities: Modalities) -> Iterator[Texts]:
    """All that the text tower of ``learner`` is shown in a phase, but for words that noise changes: [N, T] twice each.

    Of ``dev`` no captions: they are for losses.
    """
    tags = learner.network.config.knowledge
    captions = learner.projections is not None and "caption" in learner.losses.contrastive_views
    yield from train.texts(modalities, tags=tags, captions=captions)
    yield from dev.in_windows()[0].texts(modalities, tags=tags)


def _keys(input_ids: Tensor, attention_mask: Tensor) -> list[bytes]:
    """What tells each text from others, whatever its padding: its ids up to the last that is shown; [N, T] twice -> N.

    A text of mask zeros has an empty key.
    """
    shown = attention_mask > 0
    ids = torch.where(shown, input_ids, _HIDDEN).cpu().numpy()
    places = torch.arange(1, ids.shape[1] + 1, device=shown.device)
    lengths = (shown * places).amax(dim=1).tolist() if ids.size else [0] * len(ids)
    return [row[:length].tobytes() for row, length in zip(ids, lengths, strict=True)]


def _in_order(keys: Iterable[bytes]) -> list[bytes]:
    """Each once, without the empty one, the shortest first: which batches they make is a matter of the set alone."""
    return sorted({*keys} - {b""}, key=lambda key: (len(key), key))
