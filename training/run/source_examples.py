"""Examples of the training sources of a run, with what teachers say of them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.examples import Examples
from training.data.sentence_labels import SHIPPED, read_sentence_labels
from training.datasets import Sample
from training.datasets.registry import Source, label_noise
from training.errors import ConfigError
from training.kernel.ridge import Floats
from training.run.config import TrainConfig

Sources = tuple[int, ...]


class SourceExamples:
    """Examples of any sources, made when they are first asked for; phases with the same sources share them.

    ``configs`` say how far each of the sources is to be trusted; None: all of them wholly. ``of_sentences`` are soft
    labels [N, n_tasks] of some sources, by their index, which hold for every network of the run.
    """

    def __init__(
        self,
        parts: Sequence[Sequence[Sample]],
        make: Callable[[Sequence[Sample]], Examples],
        configs: Sequence[Source] | None = None,
        of_sentences: Mapping[int, Floats] | None = None,
    ) -> None:
        self._parts, self._make, self._configs = parts, make, configs
        self._of_sentences = of_sentences or {}
        self._made: dict[Sources, Examples] = {}

    def samples(self, sources: Sources) -> list[Sample]:
        """The samples of these sources, one source after the other."""
        return [sample for source in sources for sample in self._parts[source]]

    def examples(self, sources: Sources, soft: Mapping[int, Floats] | None = None) -> Examples:
        """Examples of ``samples``; ``soft`` are a network's own soft labels, which go before those of sentences."""
        if sources not in self._made:
            self._made[sources] = self._trusted(sources, self._make(self.samples(sources)))
        examples = self._made[sources]
        teachers = [said for said in (self._of_sentences, soft or {}) if not said.keys().isdisjoint(sources)]
        if not teachers:
            return examples
        silent = {source: np.full((len(self._parts[source]), len(examples.tasks)), np.nan) for source in sources}
        heard = np.concatenate([*silent.values()])
        for teacher in teachers:
            said = np.concatenate([teacher.get(source, silent[source]) for source in sources])
            heard = np.where(np.isnan(said), heard, said)
        return examples.taught(heard)

    def _trusted(self, sources: Sources, examples: Examples) -> Examples:
        if self._configs is None:
            return examples
        parts = [(self._configs[source], self._parts[source]) for source in sources]
        weights = [np.full(len(samples), config.weight) for config, samples in parts]
        noise = [label_noise(samples, examples.tasks, config.label_noise or {}) for config, samples in parts]
        return examples.weighted(np.concatenate(weights), np.concatenate(noise))

    def split(self, sources: Sources, soft: Floats) -> dict[int, Floats]:
        """Soft labels of the samples of these sources, by source."""
        ends = np.cumsum([len(self._parts[source]) for source in sources])
        return dict(zip(sources, np.split(soft, ends[:-1]), strict=True))

    def rows(self, sources: Sources, chosen: Sources) -> NDArray[np.int64]:
        """Rows, among the samples of ``sources``, of those of the ``chosen`` ones."""
        return np.flatnonzero(np.concatenate([np.full(len(self._parts[s]), s in chosen) for s in sources]))


def said_of_sentences(
    config: TrainConfig, parts: Sequence[Sequence[Sample]], note: Callable[[str], None]
) -> dict[int, Floats]:
    """What the teacher of sentences says of ``parts``, as soft labels [N, n_tasks] by source; empty without one.

    Raises ``ConfigError`` for a task that the network has not, and when nothing is said of any sentence.
    """
    if config.sentence_teacher is None:
        return {}
    labels = read_sentence_labels(config.sentence_teacher.labels or SHIPPED)
    names = [task.name for task in config.network.task_list if task.kind == "binary"]
    if labels.task not in names:
        raise ConfigError(
            f"sentence_teacher: it speaks of {labels.task!r}, and the binary tasks of this network are "
            f"{', '.join(names) or 'none'}; set sentence_teacher=null"
        )
    soft = {}
    for source in config.sentence_teacher.sources:
        soft[source] = np.full((len(parts[source]), len(config.network.tasks)), np.nan)
        soft[source][:, config.network.tasks.index(labels.task)] = labels.of_texts([one.text for one in parts[source]])
    n_all = sum(map(len, soft.values()))
    n_known = sum(int((~np.isnan(said)).sum()) for said in soft.values())
    if not n_known:
        raise ConfigError(
            f"sentence_teacher: it says nothing of any of the {n_all} samples of its sources; make its file from these "
            "data with `memeguard soft-labels`, or set sentence_teacher=null"
        )
    note(f"the teacher of sentences ({labels.teacher}) speaks of {n_known} of {n_all} samples")
    return soft
