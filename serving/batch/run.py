"""A batch run from its options to ``_SUCCESS``; the same call goes on where a killed one stopped."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from model import MemeLimits, Policy, open_bundle
from model.atomic import lock_file
from model.bundle import COMPACT_BUNDLE, Bundle
from model.engine import EngineChoice, Engines
from model.meme import DEFAULT_LIMITS
from model.ocr import OcrEngine, make_engine
from model.policy.policy import default_policy
from model.runtime import Runtime, engines_for
from serving.batch.engines.local_engine import run_local
from serving.batch.engines.score_partition import OutcomeCounts, PartitionTask
from serving.batch.engines.worker_process import WorkerSpec
from serving.batch.errors import BatchError, WorkersFailedError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.image_loader import ImageLoader, PictureGuard, check_protocol
from serving.batch.input.items import Columns
from serving.batch.known import KnownFiles, KnownSnapshot, take_snapshot, told
from serving.batch.output.manifest import (
    Totals,
    count_totals,
    finished_totals,
    is_finished,
    mark_success,
    n_rows_done,
    record_session,
    shard_path,
    timings,
    write_manifest,
)
from serving.batch.output.report import write_report
from serving.batch.output.review_sample import ReviewSample, write_review_sample
from serving.batch.output.shard_format import ShardFormat, VerdictRows
from serving.batch.plan import (
    FOLDER,
    UNFINISHED,
    Plan,
    ScoringIdentity,
    find_plan,
    input_digest,
    make_plan,
    move_plan,
    partition_path,
)
from serving.ledger.database import Database

#: Who shares out the work.
Runner = Literal["local", "ray"]
_LOCK = "_lock"


@dataclass(frozen=True)
class BatchOptions:
    """One ``memeguard batch``. ``policy`` None: the bundle's own. ``threads`` is for each worker.

    ``ledger`` opens the one in which the policy's banks and the memory are, or gives None. ``memory`` None: it votes
    where something is remembered, and in a run that goes on as it did. ``guard``: see ``ImageLoader``.
    """

    input: str
    out: Path
    runner: Runner = "local"
    workers: int = 1
    threads: int = 1
    bundle: Path = COMPACT_BUNDLE
    ocr: str = "rapidocr"
    ocr_languages: str | None = None
    engine: EngineChoice = "auto"
    policy: Policy | None = None
    columns: Columns = field(default_factory=Columns)
    protocols: frozenset[str] = frozenset()
    partition_rows: int = 256
    item_timeout_s: float = 120.0
    limits: MemeLimits = DEFAULT_LIMITS
    ray_address: str | None = None
    sample_review: int = 0
    shard_format: ShardFormat = field(default_factory=VerdictRows)
    ledger: Callable[[], AbstractContextManager[Database | None]] = nullcontext
    memory: bool | None = False
    guard: PictureGuard | None = None


@dataclass(frozen=True)
class ProgressCallbacks:
    """What a run calls: once with the plan and how many rows were done before, then with the counts of rows as they are
    scored, at the end with the review sample if one was asked for. ``on_note`` gets lines that an operator should read.
    """

    on_start: Callable[[Plan, int], None]
    on_scored: Callable[[OutcomeCounts], None]
    on_review_sample: Callable[[ReviewSample], None] = lambda _: None
    on_note: Callable[[str], None] = lambda _: None


def run_batch(options: BatchOptions, callbacks: ProgressCallbacks) -> tuple[Plan, Totals]:
    """Score every item of the input; raises ``BatchError`` before any work when something does not fit.

    A run that was finished is not done again: its plan and totals are returned once more.
    """
    if options.out.parts and options.out.parts[0].endswith(":"):  # s3://bucket, as a path
        raise BatchError(f"--out {options.out} is an address: answers are written into a folder of this machine")
    source = BatchInput(options.input, options.columns)
    if source.covers(options.out):
        raise BatchError(f"--out {options.out} lies in the input, which would then hold its own answers: move it")
    spec = worker_spec(options, source)
    with _locked(options.out), _disk_errors_reported(options.out):
        is_resumed = find_plan(options.out) is not None
        plan = find_or_make_plan(options, source, spec.identity)
        for line in told(plan.known, resumed=is_resumed):
            callbacks.on_note(line)
        spec = replace(spec, known=KnownFiles((options.out / FOLDER).resolve(), plan.known))
        finished = is_finished(options.out)
        totals = finished_totals(options.out) if finished else _score(options, plan, spec, callbacks)
        if options.sample_review:
            images = ImageLoader(spec.protocols, spec.limits, spec.item_timeout_s, spec.guard)
            callbacks.on_review_sample(
                write_review_sample(options.out, plan, spec.policy, source, images, options.sample_review)
            )
        mark_success(options.out)
        return plan, totals


def worker_spec(options: BatchOptions, source: BatchInput) -> WorkerSpec:
    """What workers are told, after a look at whether they can do it."""
    bundle = open_bundle(options.bundle)
    engines = _engines(options, bundle)
    reader = make_engine(options.ocr, languages=options.ocr_languages, engine=engines)
    if options.engine == "cuda" and options.runner == "local":
        Runtime(bundle, engine=engines)  # raises when it cannot be had
    _check_ocr(options, reader)
    for protocol in options.protocols:
        check_protocol(protocol)
    policy = options.policy or default_policy(bundle.manifest)
    return WorkerSpec(
        bundle=options.bundle.absolute(),
        ocr=options.ocr,
        ocr_languages=options.ocr_languages,
        engines=engines,
        threads=options.threads,
        policy=policy,
        identity=ScoringIdentity.of(bundle, policy, reader, engines),
        protocols=options.protocols | source.protocols,  # pictures may lie where the input lies
        limits=options.limits,
        item_timeout_s=options.item_timeout_s,
        shard_format=options.shard_format,
        guard=options.guard,
    )


def _engines(options: BatchOptions, bundle: Bundle) -> Engines:
    """Those asked for; where the choice is left to us, those that the run was begun with, wherever that was."""
    found = find_plan(options.out) if options.engine == "auto" else None
    return engines_for(bundle, options.engine).engines if found is None else found.identity.engines


def _check_ocr(options: BatchOptions, reader: OcrEngine) -> None:
    """Raise ``BatchError`` when the words cannot be read."""
    if options.engine == "cuda" and options.runner == "ray":  # the GPUs are in the cluster, not here
        reader = make_engine(options.ocr, languages=options.ocr_languages, engine="onnxruntime")
    if options.ocr != "none" and (reason := reader.unavailable_reason()):
        raise WorkersFailedError(
            f"OCR engine {options.ocr}: {reason}; --ocr none scores rows by the text that they bring"
        )


def find_or_make_plan(options: BatchOptions, source: BatchInput, identity: ScoringIdentity) -> Plan:
    """The plan to follow: a new one, or the one that is there if it is of the same run."""
    found = find_plan(options.out)
    if found is None:
        protocols = tuple(sorted(options.protocols))
        take_known = partial(_take_known, options, identity.model_digest)
        return make_plan(source, options.out, identity, protocols, options.partition_rows, take_known)
    untouched = found.input == source.address and found.input_stamp == source.stamp()
    differences = _differences(found, options, identity) or ([] if untouched else _input_changes(found, source))
    if differences:
        raise BatchError(
            f"{options.out} belongs to another run: {'; '.join(differences)}. Give another --out, or run with what it "
            "was begun with"
        )
    return found if untouched else move_plan(options.out, found, source)


def _take_known(options: BatchOptions, model_digest: str, folder: Path) -> KnownSnapshot:
    """What the run is to ask."""
    with options.ledger() as database:
        return take_snapshot(database, folder, options.policy, model_digest, options.memory)


def _differences(found: Plan, options: BatchOptions, identity: ScoringIdentity) -> list[str]:
    """What this run asks for otherwise than the one that made the plan."""
    differences = found.identity.differences(identity)
    if found.protocols != (protocols := tuple(sorted(options.protocols))):
        differences.append(
            f"its --allow-protocol is {', '.join(found.protocols) or 'not given'}, now {', '.join(protocols)}"
        )
    if found.columns != vars(options.columns):
        differences.append(f"its columns are {', '.join(found.columns.values())}")
    has_memory = found.known.memory is not None
    if options.memory not in (None, has_memory):
        differences.append("its memory votes, now --no-memory" if has_memory else "no memory votes in it, now --memory")
    return differences


def _input_changes(found: Plan, source: BatchInput) -> list[str]:
    """What is not as it was in an input whose files are others; nothing when its rows are the same."""
    # Of a folder of pictures only the names would be compared.
    if source.kind != "pictures" and found.input_digest == input_digest(source):
        return []
    if found.input != source.address:
        return [f"its input is {found.input}, now {source.address} with other rows, or with pictures in another place"]
    return [f"its input {found.input} was changed since"]


def _score(options: BatchOptions, plan: Plan, spec: WorkerSpec, callbacks: ProgressCallbacks) -> Totals:
    """Score what has no row yet, and write what the whole came to."""
    out = options.out
    for folder in (out, out / FOLDER):
        for stale in folder.glob("*.tmp"):  # of processes that were killed while they wrote
            stale.unlink(missing_ok=True)
    done = [n_rows_done(out, number) for number in range(plan.n_partitions)]
    tasks = [
        PartitionTask(n, partition_path(out, n), shard_path(out, n)) for n, n_rows in enumerate(done) if not n_rows
    ]
    if gone := [task.partition for task in tasks if not task.partition.exists()]:
        raise BatchError(f"{gone[0]} is gone, and {out} cannot be ended without it: score the input into another --out")
    callbacks.on_start(plan, sum(done))
    with record_session(out, engine=options.runner, workers=options.workers, waiting_rows=plan.n_items - sum(done)):
        _run_engine(options, tasks, spec, callbacks)
    totals = count_totals(out, plan)
    manifest = write_manifest(out, plan, totals, timings(out))
    write_report(out, manifest, totals, spec.policy)
    return totals


def _run_engine(
    options: BatchOptions, tasks: list[PartitionTask], spec: WorkerSpec, callbacks: ProgressCallbacks
) -> None:
    if options.runner == "ray":
        from serving.batch.engines.ray_engine import run_on_ray  # noqa: PLC0415  a heavy package that few need

        run_on_ray(tasks, spec, options.workers, callbacks.on_scored, options.ray_address)
    else:
        run_local(tasks, spec, options.workers, callbacks.on_scored)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One run at a time in a folder; the lock goes with the process that holds it."""
    in_use = BatchError(f"another batch run is at work in {out}: wait for it, or give another --out")
    with ExitStack() as held:
        try:
            _check_free(out)
            out.mkdir(parents=True, exist_ok=True)
            held.enter_context(lock_file(out / _LOCK, in_use=in_use))
        except OSError as error:
            raise BatchError(f"--out {out} cannot be written: {error.strerror}") from error
        yield


def _check_free(out: Path) -> None:
    """Refuse a folder of something else, before as much as a lock is written into it."""
    if find_plan(out) is not None or not out.is_dir():
        return
    others = sorted(path.name for path in out.iterdir() if path.name not in (_LOCK, UNFINISHED))
    if others:
        raise BatchError(
            f"{out} is no folder of a batch run (it has no {FOLDER}/plan.json) and holds {others[0]!r}; "
            "give an --out that is empty or new"
        )


@contextmanager
def _disk_errors_reported(out: Path) -> Iterator[None]:
    """Report what stops a run that could write at first, such as a full disk, as a ``BatchError``."""
    try:
        yield
    except OSError as error:
        raise BatchError(
            f"{error.filename or out}: {error.strerror or error}. When that is mended, the same command goes on"
        ) from error
