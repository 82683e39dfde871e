"""The batches of an epoch: which samples, in which order, for which process, with which random changes.

Every random draw derives from (seed, phase label, epoch) and the place of the batch, and from nothing that happened
before. So any epoch can be replayed, a run can go on from any step without a generator's state, and threads and
processes may prepare batches in any order.
"""

import zlib
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from training.data.batch import Batch
from training.data.examples import Examples
from training.data.modalities import Modalities
from training.trainer.phase import PhaseConfig

#: The streams of random numbers, kept apart by their first word.
_ORDER, _BATCH, _STEP = range(3)


@dataclass(frozen=True)
class EpochSeed:
    """What all randomness of an epoch derives from."""

    seed: int
    label: str
    epoch: int

    def order(self) -> np.random.Generator:
        """For the order of the samples."""
        return np.random.default_rng(self._words(_ORDER, 0, 0))

    def batch(self, place: int) -> np.random.Generator:
        """For what is hidden, dropped, augmented or made noisy in the batch at ``place`` of the epoch."""
        return np.random.default_rng(self._words(_BATCH, place, 0))

    def seed_torch(self, step: int, process: int) -> None:
        """Seed torch, on every device, for a step: dropout."""
        words = np.random.SeedSequence(self._words(_STEP, step, process)).generate_state(1, np.uint64)
        torch.manual_seed(int(words[0] >> np.uint64(1)))

    def _words(self, stream: int, place: int, process: int) -> list[int]:
        # Always as many: trailing zeros do not change a SeedSequence.
        return [stream, self.seed, zlib.crc32(self.label.encode()), self.epoch, place, process]


class MicroBatch(NamedTuple):
    """A batch that this process takes part in a step with; ``weight`` 0: only to keep the others company."""

    indices: list[int]
    place: int
    weight: float


@dataclass(frozen=True)
class Rank:
    """Which of several processes this is."""

    process: int = 0
    n_processes: int = 1


def plan_epoch(train: Examples, config: PhaseConfig, seed: EpochSeed, share: Rank) -> list[list[MicroBatch]]:
    """The optimiser steps of an epoch, each with the rounds of this process; equally many rounds in every process.

    A step is over the next ``n_processes * gradient_accumulation`` batches, and its gradient is their mean: processes
    are averaged, hence the weights. The last step of an epoch may have fewer batches, and processes without one.
    """
    batches = list(enumerate(train.shuffled(config.batch_size, seed.order())))
    size = share.n_processes * config.gradient_accumulation
    return [_rounds(batches[at : at + size], share) for at in range(0, len(batches), size)]


def _rounds(group: Sequence[tuple[int, list[int]]], share: Rank) -> list[MicroBatch]:
    rounds = []
    for start in range(0, len(group), share.n_processes):
        mine = start + share.process
        place, indices = group[mine] if mine < len(group) else group[0]
        weight = share.n_processes / len(group) if mine < len(group) else 0.0
        rounds.append(MicroBatch(indices, place, weight))
    return rounds


def load_batches(
    train: Examples, rounds: Sequence[MicroBatch], config: PhaseConfig, modalities: Modalities, seed: EpochSeed
) -> Generator[Batch]:
    """The batches of ``rounds`` in their order; threads prepare the next ones while one is in use."""

    def make(item: MicroBatch) -> Batch:
        return training_batch(train, item.indices, config, modalities, seed.batch(item.place))

    if not config.loading_threads:
        yield from map(make, rounds)
        return
    with ThreadPoolExecutor(config.loading_threads, thread_name_prefix="batches") as threads:
        waiting: deque[Future[Batch]] = deque()
        try:
            for item in rounds:
                waiting.append(threads.submit(make, item))
                if len(waiting) > 2 * config.loading_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)


def training_batch(
    train: Examples, indices: list[int], config: PhaseConfig, modalities: Modalities, rng: np.random.Generator
) -> Batch:
    """A batch with some modalities hidden, patches dropped, pictures augmented and words made noisy."""
    p = config.modality_dropout
    both_shown = modalities.image and modalities.text and train.samples[indices[0]].image is not None
    drop = rng.choice(3, size=len(indices), p=[1 - 2 * p, p, p]) if both_shown else None
    return _with_patches_dropped(train.batch(indices, modalities, drop, rng), config.patch_keep, rng)


def _with_patches_dropped(batch: Batch, keep: float, rng: np.random.Generator) -> Batch:
    embeds, patches, *rest = batch.inputs
    if keep == 1 or patches.shape[1] == 1:
        return batch
    kept = rng.permutation(patches.shape[1])[: max(1, round(keep * patches.shape[1]))]
    return replace(batch, inputs=(embeds, patches[:, np.sort(kept)], *rest))  # type: ignore[arg-type]
