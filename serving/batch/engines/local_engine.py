"""The local engine: threads that each hold a worker process, and one list of units."""

import threading
from collections.abc import Callable, Iterable, Iterator

from serving.batch.engines.score_partition import Tally, UnitTask
from serving.batch.engines.supervisor import WorkerSpec, WorkerSupervisor


def run_local(tasks: Iterable[UnitTask], spec: WorkerSpec, n_workers: int, saw: Callable[[Tally], None]) -> None:
    """Score all units with ``n_workers`` processes; ``saw`` is called by one thread at a time.

    Raises what the first worker raised, when the others have ended.
    """
    crew = _Crew(iter(tasks), saw)
    threads = [threading.Thread(target=crew.work, args=(spec,), name=f"batch-{n}") for n in range(n_workers)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:  # Ctrl-C: nobody waits for the units that are under way
        crew.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        raise
    if crew.errors:
        raise crew.errors[0]


class _Crew:
    """What the threads share."""

    def __init__(self, tasks: Iterator[UnitTask], saw: Callable[[Tally], None]) -> None:
        self._tasks = tasks
        self._saw = saw
        self._lock = threading.Lock()
        self._stopped = False
        self._workers: list[WorkerSupervisor] = []
        self.errors: list[Exception] = []

    def work(self, spec: WorkerSpec) -> None:
        """Score units until there are none left."""
        worker = WorkerSupervisor(spec)
        with self._lock:
            self._workers.append(worker)
        try:
            while (task := self._next()) is not None:
                worker.score(task, self._tell)
        except Exception as error:
            self.errors.append(error)
            self._stopped = True
        finally:
            worker.close()

    def stop(self) -> None:
        """Hand out no more units, and end the workers."""
        self._stopped = True
        for worker in self._workers:
            worker.abandon()

    def _next(self) -> UnitTask | None:
        with self._lock:
            return None if self._stopped else next(self._tasks, None)

    def _tell(self, tally: Tally) -> None:
        with self._lock:
            self._saw(tally)
