"""Settings of how much is taken on at once, and how long it may take. All of them hold for one worker process."""

import os

from pydantic import BaseModel, Field


class LoadSettings(BaseModel):
    """Threads, queues, time and the cache."""

    concurrency: int | None = Field(
        None, ge=1, description="Pictures decoded, and as many read by OCR, at once by a worker; unset: one a core."
    )
    model_threads: int = Field(1, ge=1, description="Batches that go through the network at once in a worker.")
    max_batch: int = Field(
        8,
        ge=1,
        description="Most memes in one batch of the network; pictures go one by one where the image tower wants it so.",
    )
    max_wait_ms: float = Field(
        0.0, ge=0, le=1000, description="Time that an idle network waits for a batch to fill; 0: it does not wait."
    )
    max_pending: int = Field(64, ge=1, description="Most memes accepted and not yet judged; over it: 503.")
    max_pending_bytes: int = Field(
        128 * 1024 * 1024,
        ge=1,
        description="Most bytes of bodies and fetched pictures in a worker; over it: 503.",
    )
    body_timeout_s: float = Field(15.0, gt=0, description="Time in which a request's body must arrive; over it: 408.")
    request_timeout_s: float = Field(
        30.0, gt=0, description="Time for one request, counted from its arrival; over it: 503."
    )
    grace_s: float = Field(30.0, gt=0, description="Time to finish accepted requests after SIGTERM.")
    cache_items: int = Field(
        2048, ge=0, description="Most judgements kept for the same content sent again; 0: each meme is judged anew."
    )
    cache_bytes: int = Field(32 * 1024 * 1024, ge=1, description="Most memory for these judgements.")

    @property
    def pool_threads(self) -> int:
        """Threads of decoding, and as many of OCR, in one worker."""
        return self.concurrency or len(os.sched_getaffinity(0))
