"""The Ray engine: Ray Data with a pool of actors, each of which holds a worker process.

The actor is what Ray restarts when a machine goes; the process inside it is what a poisonous item ends. So units,
shards, manifest and resume are those of the local engine. Input and output lie where every machine sees them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import ray

from serving.batch.unit import Tally, UnitTask
from serving.batch.worker import Worker, WorkerSpec


class UnitScorer:
    """What an actor runs: one unit a call."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._worker = Worker(spec)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Score the units of a batch, and say what became of their rows."""
        tallies = []
        for task in batch["task"]:
            done = Tally()
            self._worker.score(task, done.merge)
            tallies.append(done)
        return {"tally": tallies}


def run_on_ray(
    tasks: Sequence[UnitTask], spec: WorkerSpec, n_workers: int, saw: Callable[[Tally], None], address: str | None
) -> None:
    """Score all units on a Ray cluster at ``address``, or on a Ray of our own in this machine.

    ``saw`` is told of a unit when it is done.
    """
    if not tasks:
        return
    ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    try:
        # Ray's own bars would write over ours.
        ray.data.DataContext.get_current().enable_progress_bars = False
        # Reading a list takes a core while it lasts: the actors leave it one.
        n_actors = max(1, min(n_workers, int(ray.cluster_resources().get("CPU", 1)) - 1))
        units = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=len(tasks))
        done = units.map_batches(
            UnitScorer,
            fn_constructor_args=(spec,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=n_actors),
            num_cpus=1,
        )
        for row in done.iter_rows():
            saw(row["tally"])
    finally:
        ray.shutdown()
