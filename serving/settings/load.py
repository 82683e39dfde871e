"""Settings of how much is done at once."""

import os

from pydantic import BaseModel, Field


class LoadSettings(BaseModel):
    """Pools, queues and time."""

    concurrency: int | None = Field(None, ge=1, description="Requests judged at once by a worker; unset: one a core.")
    request_timeout_s: float = Field(30.0, gt=0, description="Time for one request, queueing included; over it: 503.")

    @property
    def judges(self) -> int:
        """Threads that judge requests in one worker."""
        return self.concurrency or len(os.sched_getaffinity(0))
