"""What a scraper reads at ``/metrics``. Labels come from fixed sets: never an id, a path as sent, or content.

BentoML's own HTTP metrics are switched off (``service.py``) because they label the raw path. Its supervisor gives every
worker PROMETHEUS_MULTIPROC_DIR, so one worker answers for all of them.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from model.verdict import Verdict

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "memeguard_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "memeguard_request_seconds",
            "Time from the first byte to the answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._errors = Counter(
            "memeguard_errors", "Requests and items refused, by cause.", ["code"], registry=self._registry
        )
        self._decisions = Counter(
            "memeguard_decisions",
            "Memes judged.",
            ["decision", "text_source", "text_status"],
            registry=self._registry,
        )
        self._stage_seconds = Histogram(
            "memeguard_stage_seconds",
            "Time that one meme spends in each stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def saw_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is a template such as "/v1/classify", or "unmatched"."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def saw_error(self, code: str) -> None:
        """Count a request or an item that got an error."""
        self._errors.labels(code).inc()

    def saw_verdict(self, verdict: Verdict) -> None:
        """Count a decision and the time of its stages."""
        self._decisions.labels(verdict.decision, verdict.text.source, verdict.text.status).inc()
        for stage, value_ms in verdict.timings_ms.items():
            if stage != "total":
                self._stage_seconds.labels(stage).observe(value_ms / 1000)

    def exposition(self) -> bytes:
        """Prometheus text format, of all workers where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return generate_latest(merged)
