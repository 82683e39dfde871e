"""Ray engine: Ray Data with a pool of actors, each of which supervises a worker process.

The actor is what Ray restarts when a machine goes; the process inside it is what a poisonous item ends. So partitions,
shards, manifest and resume are those of the local engine. Input and output lie where every machine sees them.
"""

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from model import MemeguardError
from serving.batch.engines.score_partition import OutcomeCounts, PartitionTask
from serving.batch.engines.supervisor import WorkerSupervisor
from serving.batch.engines.worker_process import WorkerSpec
from serving.batch.errors import BatchError

#: Sockets lie in a folder in here, whose names may have 107 characters: TMPDIR may be too long for that.
SHORT_FOLDER = "/tmp"  # noqa: S108
#: Ray hands this to the processes that it starts; in its own way it would keep a token in the user's home.
_TOKEN = secrets.token_hex(32)
#: What goes through Ray is the names of files; this is the least that it takes.
_OBJECT_STORE_BYTES = 80 * 1024 * 1024
_CONNECT_S = 10.0
#: Ray's own code in C++ writes to the terminal; what ends a run comes as an exception all the same.
_QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_USAGE_STATS_ENABLED": "0", "RAY_TQDM": "0"}
_OWN = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": _TOKEN,
    # Off, Ray takes 127.0.0.1 for this machine's address and listens nowhere else. Read when ray is imported.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


@contextmanager
def ray_session(address: str | None, n_cpus: int) -> Iterator[None]:
    """Be connected to the cluster at ``address`` or RAY_ADDRESS; without one, to a Ray of our own with ``n_cpus``.

    Those are a count that Ray keeps, not cores. Raises ``BatchError`` when there is no such cluster.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    with _connected(address) if address else _own_ray(n_cpus):
        yield


@contextmanager
def _connected(address: str) -> Iterator[None]:
    with _variables(_QUIET):
        import ray  # noqa: PLC0415  reads variables when it is imported

        try:
            _check_listening(address)
            with _without_stderr():
                ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
            _hide_ray_stack_trace()
        except Exception as error:  # Ray raises its own, ConnectionError, RuntimeError, ValueError
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise BatchError(f"there is no Ray cluster to be had at {address}: {reason}") from error
        try:
            yield
        finally:
            ray.shutdown()


def _check_listening(address: str) -> None:
    """Raise OSError when nobody listens at ``host:port``, where Ray would try for minutes; "auto" is Ray's to find."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()


@contextmanager
def _own_ray(n_cpus: int) -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix=f"memeguard-ray-{os.getpid()}-", dir=SHORT_FOLDER))
    try:
        with _variables(_QUIET | _OWN):
            import ray  # noqa: PLC0415  reads variables when it is imported

            with _without_stderr():
                ray.init(
                    address="local",
                    num_cpus=n_cpus,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _temp_dir=str(folder),
                )
            _hide_ray_stack_trace()
            try:
                yield
            finally:
                ray.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hide_ray_stack_trace() -> None:
    """On SIGTERM Ray's code in C++ prints where it was; its handler in Python, which ends the process, is enough."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


@contextmanager
def _variables(wanted: Mapping[str, str]) -> Iterator[None]:
    """Environment variables, for this process and those that it starts, put back at the end."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what is written to the descriptor of stderr: Ray says there that it was told to be quiet."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


#: Ray keeps books on every block, 2 ms each at the start; a run of more partitions puts several into one.
_MOST_BLOCKS = 4096


class PartitionScorer:
    """What an actor runs: one partition a call."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._worker = WorkerSupervisor(spec)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Score the partition of a batch, and say the counts of its rows, or why the run cannot go on."""
        counts, refusal = OutcomeCounts(), ""
        number, partition, shard = (batch[name][0] for name in ("number", "partition", "shard"))
        try:
            self._worker.score(PartitionTask(int(number), Path(partition), Path(shard)), counts.merge)
        except MemeguardError as error:
            refusal = str(error)
        return {"decisions": [_pairs(counts.decisions)], "errors": [_pairs(counts.errors)], "refusal": [refusal]}


def run_on_ray(
    tasks: Sequence[PartitionTask],
    spec: WorkerSpec,
    n_workers: int,
    on_scored: Callable[[OutcomeCounts], None],
    address: str | None,
) -> None:
    """Score all partitions on the Ray cluster at ``address`` or RAY_ADDRESS, or on a Ray of our own in this machine.

    ``on_scored`` gets the counts of a partition when it is done. Raises ``BatchError`` for what an actor raised on
    purpose, and when the cluster is lost.
    """
    if not tasks:
        return
    # What Ray says of actors that were lost is not the result. One CPU more than the actors take, so that it always has
    # room for a step besides them.
    with redirect_stdout(sys.stderr), ray_session(address, n_cpus=n_workers * spec.threads + 1):
        for row in _outcomes(tasks, spec, n_workers):
            if row["refusal"]:
                raise BatchError(row["refusal"])
            on_scored(OutcomeCounts(_counter(row["decisions"]), _counter(row["errors"])))


def _outcomes(tasks: Sequence[PartitionTask], spec: WorkerSpec, n_workers: int) -> Iterator[Mapping[str, Any]]:
    """What the actors report of partitions, as they are done."""
    import ray  # noqa: PLC0415  after ray_session, which says how it is to be

    _quieten(ray.data.DataContext.get_current())
    rows = [
        {"number": task.number, "partition": str(task.partition.resolve()), "shard": str(task.shard.resolve())}
        for task in tasks
    ]
    partitions = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MOST_BLOCKS))
    done = partitions.map_batches(
        PartitionScorer,
        fn_constructor_args=(spec,),
        batch_size=1,
        # Starts with as many as there is room for. A partition takes long: none waits behind another while an actor
        # is idle.
        compute=ray.data.ActorPoolStrategy(
            min_size=1, max_size=n_workers, initial_size=n_workers, max_tasks_in_flight_per_actor=1
        ),
        num_cpus=spec.threads,
        num_gpus=_gpus(spec, n_workers),
    )
    try:
        yield from done.iter_rows()
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        reason = str(cause).strip().split("\n")[0]
        raise BatchError(f"Ray: {type(cause).__name__}: {reason}; the same command goes on") from error


def _gpus(spec: WorkerSpec, n_workers: int) -> float | None:
    """The share of a GPU that an actor needs: it sees none that it did not ask for."""
    if spec.engines.image_tower != "cuda":
        return None
    import ray  # noqa: PLC0415  after ray_session

    n_gpus = ray.cluster_resources().get("GPU", 0)
    if not n_gpus:
        raise BatchError("--engine cuda: Ray knows of no GPU in this cluster")
    return float(min(1.0, n_gpus / n_workers))


def _quieten(context: Any) -> None:
    """Keep Ray Data's log in its file, and its bars from writing over ours."""
    context.enable_progress_bars = False
    logger = logging.getLogger("ray.data")
    for handler in [one for one in logger.handlers if isinstance(one, logging.StreamHandler)]:
        logger.removeHandler(handler)


def _pairs(counts: Counter[str]) -> list[dict[str, Any]]:
    return [{"name": name, "n": n} for name, n in counts.items()]


def _counter(pairs: Sequence[Mapping[str, Any]]) -> Counter[str]:
    return Counter({str(pair["name"]): int(pair["n"]) for pair in pairs})
