"""Prometheus metrics, read at ``/metrics``. Labels come from fixed sets: never an id, a path as sent, or content.

Route templates, codes, stages and causes are written in this package; policy and task names come from the operator's
files. BentoML's own HTTP metrics are switched off (``service.py``) because they label the raw path. Its supervisor
gives every worker PROMETHEUS_MULTIPROC_DIR, so one worker answers for all of them.
"""

import os
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from model.verdict import ModelRef, Verdict

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
#: Of a score, 0.05 apart: fine enough to see the scores of a week drift away from those of the week before.
_SCORES = tuple(step / 20 for step in range(1, 21))
_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_LIVE_GAUGE_FILE = re.compile(r"gauge_live\w*_(\d+)\.db")


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "route", "status")
        self._request_seconds = self._seconds("request_seconds", "Time from the first byte to the answer.", "route")
        self._errors = self._counter("errors", "Requests and items refused, by cause.", "code")
        self._decisions = self._counter("decisions", "Memes judged.", "policy", "decision")
        self._texts = self._counter("texts", "Where the judged words came from.", "source", "status")
        self._scores = self._histogram("score", "Scores of binary tasks.", _SCORES, "task")
        self._stage_seconds = self._seconds("stage_seconds", "Time that one meme spends in each stage.", "stage")
        self._queue_seconds = self._seconds("queue_seconds", "Time that one meme waits for a stage.", "stage")
        self._batch_size = self._histogram("batch_size", "Memes that the network judged at once.", _BATCH_SIZES)
        self._pending = Gauge(
            "memeguard_pending_items",
            "Memes accepted and not yet judged.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._cache = self._counter("cache_lookups", "Judgements looked for in the cache.", "result")
        self._reloads = self._counter("policy_reloads", "Policy files read anew.", "result")
        self._ledger = self._counter("ledger_writes", "Rows written to the ledger.", "result")
        self._known = self._counter("known_memes", "Entries of banks that memes were found to be.", "bank", "kind")
        self._floods = self._counter("bank_quarantines", "Entries that matched too often.", "bank")
        self._shadows = self._counter("shadow_decisions", "Decisions for shadows to judge too.", "kind", "outcome")
        self._flips = self._counter(
            "shadow_flips", "Decisions that would be others by a shadow.", "kind", "decision", "shadow_decision"
        )
        self._model = Gauge(
            "memeguard_model_info",
            "1 for the model that judges.",
            ["model", "version", "digest"],
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        self._show_zeros()

    def saw_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is a template such as "/v1/classify", or "unmatched"."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def saw_error(self, code: str) -> None:
        """Count a request or an item that got an error; those without a valid key or over its rate are among them."""
        self._errors.labels(code).inc()

    def saw_verdict(self, verdict: Verdict) -> None:
        """Count a decision, its scores and the time of its stages."""
        self._decisions.labels(verdict.policy.name, verdict.decision).inc()
        self._texts.labels(verdict.text.source, verdict.text.status).inc()
        for task, score in verdict.scores.items():
            if isinstance(score, float):
                self._scores.labels(task).observe(score)
        for stage, value_ms in verdict.timings_ms.items():
            if stage != "total":
                self._stage_seconds.labels(stage).observe(value_ms / 1000)
        for known in verdict.known:
            self._known.labels(known.bank, known.kind).inc()

    def saw_flood(self, bank: str) -> None:
        """Count an entry of ``bank`` that was quarantined."""
        self._floods.labels(bank).inc()

    def saw_shadow(self, kind: str, outcome: str) -> None:
        """Count a decision that the shadow of this kind judged, or was to judge and did not."""
        self._shadows.labels(kind, outcome).inc()

    def saw_flip(self, kind: str, decision: str, shadow_decision: str) -> None:
        """Count a decision that would be another by the shadow of this kind."""
        self._flips.labels(kind, decision, shadow_decision).inc()

    def saw_model(self, model: ModelRef) -> None:
        """Say which model judges in this process."""
        self._model.labels(model.name, model.version, model.digest[:12]).set(1)

    def saw_queue(self, stage: str, seconds: float) -> None:
        """Count the time that one meme waited before ``stage``."""
        self._queue_seconds.labels(stage).observe(seconds)

    def saw_batch(self, size: int) -> None:
        """Count one call of the network for ``size`` memes."""
        self._batch_size.observe(size)

    def saw_pending(self, n: int) -> None:
        """Say how many memes this process has accepted and not yet judged."""
        self._pending.set(n)

    def saw_cache(self, hit: bool) -> None:
        """Count a look into the cache of judgements."""
        self._cache.labels("hit" if hit else "miss").inc()

    def saw_reload(self, ok: bool) -> None:
        """Count a policy file that was read anew, or that was refused."""
        self._reloads.labels(_result(ok)).inc()

    def saw_ledger(self, ok: bool) -> None:
        """Count a row that was written to the ledger, or was not."""
        self._ledger.labels(_result(ok)).inc()

    def exposition(self) -> bytes:
        """Prometheus text format, of all workers where there are several."""
        if _MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        _forget_ended_workers(Path(os.environ[_MULTIPROCESS]))
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return generate_latest(merged)

    def _show_zeros(self) -> None:
        """Series that should read 0, not be absent, before the first event."""
        for counter, results in (
            (self._cache, ("hit", "miss")),
            (self._reloads, ("ok", "failed")),
            (self._ledger, ("ok", "failed")),
        ):
            for result in results:
                counter.labels(result)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"memeguard_{name}", documentation, labels, registry=self._registry)

    def _histogram(self, name: str, documentation: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"memeguard_{name}", documentation, labels, buckets=buckets, registry=self._registry)

    def _seconds(self, name: str, documentation: str, label: str) -> Histogram:
        return self._histogram(name, documentation, _SECONDS, label)


def _result(ok: bool) -> str:
    return "ok" if ok else "failed"


def _forget_ended_workers(folder: Path) -> None:
    """A worker that was killed leaves its gauges behind, and they would count for ever."""
    for file in folder.glob("gauge_live*.db"):
        named = _LIVE_GAUGE_FILE.fullmatch(file.name)
        if named and not _runs(int(named[1])):
            mark_process_dead(int(named[1]))  # type: ignore[no-untyped-call]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 asks, and does nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
