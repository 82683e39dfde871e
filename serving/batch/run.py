"""A batch run from its options to ``_SUCCESS``; the same call goes on where a killed one stopped."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from model import MemeLimits, Policy, open_bundle
from model.bundle import COMPACT_BUNDLE
from model.meme import DEFAULT_LIMITS
from model.ocr import make_engine
from model.policy import default_policy
from model.runtime import Provider
from serving.batch.errors import BatchError
from serving.batch.finish import SUCCESS, Totals, mark_success, shard_path, total, write_manifest
from serving.batch.local import run_local
from serving.batch.opening import Opener
from serving.batch.plan import Judges, Plan, find_plan, input_digest, make_plan, unit_path
from serving.batch.report import write_report
from serving.batch.review import write_review
from serving.batch.source import Columns, Source
from serving.batch.unit import Tally, UnitTask
from serving.batch.worker import WorkerSpec

Engine = Literal["local", "ray"]
_LOCK = "_lock"
_SESSIONS = "_plan/sessions.jsonl"


@dataclass(frozen=True)
class BatchOptions:
    """One ``memeguard batch``. ``policy`` None: the bundle's own. ``threads`` is for each worker."""

    input: str
    out: Path
    engine: Engine = "local"
    workers: int = 1
    threads: int = 1
    bundle: Path = COMPACT_BUNDLE
    ocr: str = "rapidocr"
    provider: Provider = "cpu"
    policy: Policy | None = None
    columns: Columns = field(default_factory=Columns)
    protocols: frozenset[str] = frozenset()
    unit_rows: int = 256
    item_timeout_s: float = 120.0
    limits: MemeLimits = DEFAULT_LIMITS
    ray_address: str | None = None
    sample_review: int = 0


@dataclass(frozen=True)
class Progress:
    """Whom to tell: once what there is to do, then every tally."""

    begins: Callable[[Plan, int], None]
    saw: Callable[[Tally], None]


def run_batch(options: BatchOptions, progress: Progress) -> tuple[Plan, Totals]:
    """Score every item of the input; raises ``BatchError`` before any work when something does not fit."""
    source = Source(options.input, options.columns)
    spec, judges = _judges(options, source)
    with _locked(options.out):
        plan = _plan(options, source, judges)
        finished = (options.out / SUCCESS).exists()
        if not finished:
            _score(options, plan, spec, progress)
        totals = total(options.out, plan)
        if not finished:
            manifest = write_manifest(options.out, plan, totals, _timings(options.out))
            write_report(options.out, manifest, totals, spec.policy)
        if options.sample_review:
            opener = Opener(spec.protocols, options.limits)
            write_review(options.out, plan, spec.policy, source, opener, options.sample_review)
        mark_success(options.out)
        return plan, totals


def _judges(options: BatchOptions, source: Source) -> tuple[WorkerSpec, Judges]:
    """What will judge, after a look at whether it can."""
    bundle = open_bundle(options.bundle)
    engine = make_engine(options.ocr)
    if options.ocr != "none" and (reason := engine.unavailable_reason()):
        raise BatchError(f"OCR engine {options.ocr}: {reason}; --ocr none scores rows by the text that they bring")
    policy = options.policy or default_policy(bundle.manifest)
    judges = Judges(
        model_name=bundle.manifest.name,
        model_version=bundle.manifest.version,
        model_digest=bundle.digest,
        policy_name=policy.name,
        policy_version=policy.version,
        policy_digest=policy.digest,
        ocr=f"{engine.name} {engine.version}" if options.ocr != "none" else "none",
    )
    spec = WorkerSpec(
        bundle=options.bundle,
        ocr=options.ocr,
        provider=options.provider,
        threads=options.threads,
        policy=policy,
        protocols=options.protocols | {source.protocol},  # pictures may lie where the input lies
        limits=options.limits,
        item_timeout_s=options.item_timeout_s,
    )
    return spec, judges


def _plan(options: BatchOptions, source: Source, judges: Judges) -> Plan:
    """The plan to follow: a new one, or the one that is there if it is of the same run."""
    found = find_plan(options.out)
    if found is None:
        strangers = [path.name for path in options.out.iterdir() if path.name not in (_LOCK, "_plan.unfinished")]
        if strangers:
            raise BatchError(
                f"{options.out} is no folder of a batch run and holds {strangers[0]!r}; "
                "give an --out that is empty or new"
            )
        return make_plan(source, options.out, judges, options.unit_rows)
    differences = _differences(found, options, source, judges)
    if differences:
        raise BatchError(
            f"{options.out} belongs to another run: {'; '.join(differences)}. Give another --out, or run with what it "
            "was begun with"
        )
    return found


def _differences(found: Plan, options: BatchOptions, source: Source, judges: Judges) -> list[str]:
    told = [
        f"its {name.replace('_', ' ')} is {old}, now {new}"
        for name, old in found.judges.model_dump().items()
        if (new := getattr(judges, name)) != old
    ]
    if found.columns != vars(options.columns):
        told.append(f"its columns are {found.columns}")
    elif found.input_stamp != source.stamp() and found.input_digest != input_digest(source):
        told.append(f"its input ({found.input}) had other rows than {options.input}")
    return told


def _score(options: BatchOptions, plan: Plan, spec: WorkerSpec, progress: Progress) -> None:
    for stale in options.out.glob("part-*.tmp"):  # of workers that were killed while they wrote
        stale.unlink()
    waiting = [number for number in range(plan.n_units) if not shard_path(options.out, number).exists()]
    n_done = plan.n_items - sum(_n_rows(options.out, number) for number in waiting)
    progress.begins(plan, n_done)
    started = time.monotonic()
    tasks = [UnitTask(n, unit_path(options.out, n), shard_path(options.out, n)) for n in waiting]
    try:
        if options.engine == "ray":
            from serving.batch.cluster import run_on_ray  # noqa: PLC0415  a heavy package that few need

            run_on_ray(tasks, spec, options.workers, progress.saw, options.ray_address)
        else:
            run_local(tasks, spec, options.workers, progress.saw)
    finally:
        _note_session(options, time.monotonic() - started, plan.n_items - n_done)


def _n_rows(out: Path, number: int) -> int:
    return int(pq.read_metadata(unit_path(out, number)).num_rows)


def _note_session(options: BatchOptions, seconds: float, n_waiting: int) -> None:
    """A line about this session: a run may take several."""
    line = {
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": options.engine,
        "workers": options.workers,
        "waiting_rows": n_waiting,
        "seconds": round(seconds, 3),
    }
    with (options.out / _SESSIONS).open("a") as file:
        file.write(json.dumps(line) + "\n")


def _timings(out: Path) -> dict[str, object]:
    path = out / _SESSIONS
    sessions = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {"seconds": round(sum(session["seconds"] for session in sessions), 3), "sessions": sessions}


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One run at a time in a folder; the lock goes with the process that holds it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / _LOCK).open("a")
    except OSError as error:
        raise BatchError(f"--out {out} cannot be written: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BatchError(f"another batch run is at work in {out}") from error
        yield
