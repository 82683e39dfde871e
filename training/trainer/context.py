"""What a phase of training runs on and reports to, apart from what it learns from: made once a run, by the caller."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

from training.trainer.launch import follow_parent, is_worker
from training.trainer.phase import EpochResult
from training.trainer.trackers import Tracker, Trackers

#: The others wait while the main process fills the caches, which takes hours for a large tower on a CPU.
_WAIT = timedelta(hours=24)


def make_accelerator() -> Accelerator:
    """The processes and the device of this run: what ``launch`` started, else one process on the first GPU or the CPU.

    A batch of text alone leaves the image's side of the network without gradients, hence ``find_unused_parameters``.
    """
    if is_worker():
        follow_parent()
    return Accelerator(
        cpu=os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true",
        kwargs_handlers=[
            DistributedDataParallelKwargs(find_unused_parameters=True),
            InitProcessGroupKwargs(timeout=_WAIT),
        ],
    )


@dataclass(frozen=True)
class TrainContext:
    """Device and processes, checkpoints, trackers.

    - ``checkpoint_dir``: where each phase keeps its checkpoint; None: it keeps none and cannot be resumed.
    - ``on_epoch`` is called in the main process after each epoch, and once when a phase resumes, with the phase's label
      and every result so far: so a caller can keep the history in a file of its own.
    """

    accelerator: Accelerator = field(default_factory=make_accelerator)
    checkpoint_dir: Path | None = None
    tracker: Tracker = field(default_factory=Trackers)
    on_epoch: Callable[[str, Sequence[EpochResult]], None] | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.accelerator.is_main_process)

    @property
    def n_processes(self) -> int:
        """How many processes train together."""
        return int(self.accelerator.num_processes)
