"""Several processes from one command: the same command line once a GPU, joined by torch elastic.

``needs_launch`` says whether this process should start workers; ``launch`` does, and comes back when they are done. In
a worker, ``TrainContext`` finds the others by itself. A command that ``torchrun`` or ``accelerate launch`` starts
finds itself a worker already.
"""

import ctypes
import os
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from model.errors import MemeguardError

_PARENT = "MEMEGUARD_LAUNCHER_PID"
_PR_SET_PDEATHSIG = 1


class LaunchError(MemeguardError):
    """A worker failed; what it said stands above, on standard error."""


def default_processes() -> int:
    """One a visible GPU; one on a machine without."""
    return max(1, torch.cuda.device_count())


def is_worker() -> bool:
    """Whether this process is one of several that train together."""
    return int(os.environ.get("LOCAL_RANK", "-1")) >= 0


def needs_launch(processes: int) -> bool:
    """Whether a command that was asked for ``processes`` must start them."""
    return processes > 1 and not is_worker()


def launch(processes: int, argv: Sequence[str]) -> None:
    """Run ``python ARGV...`` in ``processes`` workers of this machine, and wait for them.

    ``argv`` is what follows the interpreter, such as ``["-m", "training.commands.train", "--config", ...]``. Raises
    ``LaunchError`` when one fails; the others are ended then. Workers end with this process, however it ends.
    """
    n_gpus = torch.cuda.device_count()
    if n_gpus and processes > n_gpus:
        raise LaunchError(f"{processes} processes were asked for, but this machine has {n_gpus} GPU(s) to give them")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
    )
    try:
        with _environment(_of_workers(processes, on_cpu=not n_gpus)):
            elastic_launch(config, sys.executable)(*argv)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        raise LaunchError(
            f"worker {rank} of {processes} ended with status {failure.exitcode}: its own message stands above"
        ) from error


def follow_parent() -> None:
    """In a worker: end when the launcher ends, even by SIGKILL. A worker left over would hold the run's folder."""
    if _PARENT not in os.environ or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ[_PARENT]):  # it ended before this call
        os.kill(os.getpid(), signal.SIGKILL)


def _of_workers(processes: int, *, on_cpu: bool) -> dict[str, str]:
    """What workers find in their environment beside ours; what the user has set stays."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    defaults = {
        # All processes together must not ask for more threads than there are cores.
        "OMP_NUM_THREADS": str(max(1, cores // processes)),
        # Else each worker warns that no parameter went unused in its first batch; in a later one some will.
        "TORCH_CPP_LOG_LEVEL": "ERROR",
    }
    if on_cpu:
        defaults["ACCELERATE_USE_CPU"] = "true"
    return {name: os.environ.get(name, value) for name, value in defaults.items()} | {_PARENT: str(os.getpid())}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """``values`` beside what is there, and everything as it was afterwards; torch elastic sets some of its own."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
