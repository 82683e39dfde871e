"""Local engine: threads that each supervise a worker process, and one list of partitions."""

import threading
from collections.abc import Callable, Iterable, Iterator

from serving.batch.engines.score_partition import OutcomeCounts, PartitionTask
from serving.batch.engines.supervisor import WorkerSupervisor
from serving.batch.engines.worker_process import WorkerSpec


def run_local(
    tasks: Iterable[PartitionTask], spec: WorkerSpec, n_workers: int, on_scored: Callable[[OutcomeCounts], None]
) -> None:
    """Score all partitions with ``n_workers`` processes; ``on_scored`` is called by one thread at a time.

    Raises what the first worker raised, when the others have ended.
    """
    pool = _WorkerPool(iter(tasks), on_scored)
    threads = [threading.Thread(target=pool.work, args=(spec,), name=f"batch-{n}") for n in range(n_workers)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:  # Ctrl-C: nobody waits for the partitions that are under way
        pool.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        raise
    if pool.errors:
        raise pool.errors[0]


class _WorkerPool:
    """What the threads share."""

    def __init__(self, tasks: Iterator[PartitionTask], on_scored: Callable[[OutcomeCounts], None]) -> None:
        self._tasks = tasks
        self._on_scored = on_scored
        self._lock = threading.Lock()
        self._stopped = False
        self._workers: list[WorkerSupervisor] = []
        self.errors: list[Exception] = []

    def work(self, spec: WorkerSpec) -> None:
        """Score partitions until there are none left."""
        worker = WorkerSupervisor(spec)
        with self._lock:
            self._workers.append(worker)
        try:
            while (task := self._next()) is not None:
                worker.score(task, self._report)
        except Exception as error:
            self.errors.append(error)
            self._stopped = True
        finally:
            worker.close()

    def stop(self) -> None:
        """Hand out no more partitions, and end the workers."""
        self._stopped = True
        for worker in self._workers:
            worker.abandon()

    def _next(self) -> PartitionTask | None:
        with self._lock:
            return None if self._stopped else next(self._tasks, None)

    def _report(self, counts: OutcomeCounts) -> None:
        with self._lock:
            self._on_scored(counts)
