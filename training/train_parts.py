"""The training examples of a run, by the sources in ``data.train`` that a phase sees."""

from collections.abc import Callable, Sequence

import numpy as np

from training.data.examples import Examples
from training.datasets import Sample
from training.kernel.ridge import Floats

Places = tuple[int, ...]


class TrainParts:
    """Examples of any sources, made when they are first asked for; phases with the same sources share them."""

    def __init__(self, parts: Sequence[Sequence[Sample]], make: Callable[[Sequence[Sample]], Examples]) -> None:
        self._parts, self._make = parts, make
        self._made: dict[Places, Examples] = {}
        self._soft: dict[int, Floats] = {}

    def examples(self, places: Places) -> Examples:
        """The samples of these sources, one source after the other."""
        if places not in self._made:
            samples = [sample for place in places for sample in self._parts[place]]
            self._made[places] = self._taught(places, self._make(samples))
        return self._made[places]

    def teach(self, places: Places, soft: Floats) -> None:
        """From now on the samples of these sources have soft labels [N, n_tasks], in every phase that sees them."""
        ends = np.cumsum([len(self._parts[place]) for place in places])
        self._soft |= dict(zip(places, np.split(soft, ends[:-1]), strict=True))
        self._made = {known: self._taught(known, examples) for known, examples in self._made.items()}

    def _taught(self, places: Places, examples: Examples) -> Examples:
        if not any(place in self._soft for place in places):
            return examples
        untaught = {place: np.full((len(self._parts[place]), len(examples.tasks)), np.nan) for place in places}
        return examples.taught(np.concatenate([(untaught | self._soft)[place] for place in places]))
