"""The work of one job's process: what ``JobTask`` says.

It reads the input, runs the batch engine, which goes on where a killed process stopped, and writes the results.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeGuard

from model import MemeguardError, Policy, open_bundle
from model.atomic import lock_file
from model.known.category_file import category_names
from model.policy.file import read_policies
from serving.batch.engines.score_partition import OutcomeCounts
from serving.batch.errors import BatchError, ColumnsError, WorkersFailedError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.items import Columns
from serving.batch.plan import Plan, find_plan
from serving.batch.run import BatchOptions, ProgressCallbacks, run_batch, worker_spec
from serving.jobs.errors import JobError
from serving.jobs.folder import JobFiles
from serving.jobs.policies import why_not
from serving.jobs.task import AT_WORK_ELSEWHERE, Done, Event, Failed, JobTask, Note, Planned, Scored
from serving.jobs.worker.picture_guard import JobPictures
from serving.jobs.worker.results import without_paths, write_results
from serving.jobs.worker.unpack import check_unpacked_size, unpack
from serving.ledger.database import Database
from serving.ledger.errors import LedgerError
from serving.observability.logs import frames
from serving.settings import Settings

Tell = Callable[[Event], None]
_MAX_MESSAGE_CHARS = 2000
#: A busy server may leave a job no core for long: that is not its row's fault, which would be left out with an error.
_ITEM_TIMEOUT_S = 1800.0


def run_job(task: JobTask, tell: Tell) -> None:
    """Do a job to its end, and tell of it; raises what is wrong with it."""
    files = JobFiles(task.folder)
    # The batch engine holds its folder alone; unpacking, beginning anew and writing results are done outside of that.
    with lock_file(files.lock, in_use=BatchError("another process is at work on this job"), mode=0o600):
        options = _batch_options(task, files)
        source = _read_input(task, files, options)
        _begin_anew_if_judged_otherwise(options, source, tell)
        plan, totals = run_batch(options, _callbacks(tell))
        write_results(files, plan)
    tell(Done(decisions=dict(totals.decisions), errors=dict(totals.errors)))


def failure(error: Exception, task: JobTask) -> Failed:
    """What went wrong, as the job will say it."""
    if _is_of_the_machine(error):
        reason = f"{error.strerror}; the operator of the server has to mend that"
        return Failed(code="not_done", message=reason, may_go_on=True)
    if not isinstance(error, MemeguardError):
        # A bug: where it happened and not what it says, which may be what was sent.
        return Failed(code="internal_error", message=frames(error), may_go_on=True)
    told = error.short if isinstance(error, ColumnsError) else str(error)
    message = without_paths(told, JobFiles(task.folder))[:_MAX_MESSAGE_CHARS]
    if isinstance(error, JobError):
        return Failed(code=error.code, message=message)
    if isinstance(error.__cause__, BlockingIOError):
        return Failed(code=AT_WORK_ELSEWHERE, message=message, may_go_on=True)
    # A full disk, no memory for a worker, a ledger that does not answer: no fault of the input.
    passes = isinstance(error, LedgerError | WorkersFailedError) or _is_of_the_machine(error.__cause__)
    code = "bad_input" if isinstance(error, BatchError) and not passes else "not_done"
    return Failed(code=code, message=message, may_go_on=passes)


def _is_of_the_machine(error: BaseException | None) -> TypeGuard[OSError]:
    """The system's own errors have a number; libraries say by an ``OSError`` without one that a file is damaged."""
    return isinstance(error, OSError) and error.errno is not None


def _batch_options(task: JobTask, files: JobFiles) -> BatchOptions:
    columns = task.options
    return BatchOptions(
        input=str(files.input if task.input_format == "zip" else files.upload(task.input_format)),
        out=files.run,
        workers=task.workers,
        bundle=task.bundle,
        ocr=task.ocr,
        ocr_languages=task.ocr_languages,
        engine=task.engine,
        policy=_policy(task),
        columns=Columns(columns.id_column, columns.image_column, columns.text_column, columns.tags_column),
        item_timeout_s=_ITEM_TIMEOUT_S,
        limits=task.limits,
        ledger=partial(_ledger, task.ledger_url),
        memory=None,
        guard=JobPictures(files.input.resolve(), task.fetch),
    )


def _policy(task: JobTask) -> Policy:
    policies = read_policies(task.policy_file, open_bundle(task.bundle), category_names(task.categories_file))
    found = policies.policies.get(task.options.policy or policies.default)
    if found is None:
        raise JobError("unknown_policy", f"the policy {task.options.policy!r} that was asked for is no longer there")
    if reason := why_not(found):
        raise JobError("policy_not_for_jobs", reason)
    return found


@contextmanager
def _ledger(url: str) -> Iterator[Database | None]:
    address = Settings.model_validate({"ledger_url": url}).ledger_database
    if address is None:
        raise RuntimeError("a job has the ledger of its server")
    database = Database(address)
    try:
        yield database
    finally:
        database.close()


def _read_input(task: JobTask, files: JobFiles, options: BatchOptions) -> BatchInput:
    """The input, unpacked; of one that no process has planned yet, it is seen that it is within the limits."""
    is_planned = find_plan(files.run) is not None
    if task.input_format == "zip" and not is_planned:
        unpack(files.upload("zip"), files.input, task.max_rows, task.max_unpacked_bytes)
    if not is_planned:
        check_unpacked_size(files.input, task.max_unpacked_bytes)
    source = BatchInput(options.input, options.columns)
    if not is_planned:
        n_bytes = 0
        for n_rows, item in enumerate(source.items(), start=1):
            n_bytes += item.n_bytes
            if n_rows > task.max_rows:
                raise JobError("too_many_rows", f"the input has more rows than the limit of {task.max_rows}")
            if n_bytes > task.max_unpacked_bytes:
                raise JobError(
                    "too_many_bytes", f"the rows hold more than {task.max_unpacked_bytes} bytes, which is the limit"
                )
    return source


def _begin_anew_if_judged_otherwise(options: BatchOptions, source: BatchInput, tell: Tell) -> None:
    """All rows of a job are judged alike: where the model or the policy is another since, those done are done again."""
    plan = find_plan(options.out)
    if plan is None:
        return
    if differences := plan.identity.differences(worker_spec(options, source).identity):
        shutil.rmtree(options.out)
        tell(Note(text=f"begun anew, all rows with the same: {'; '.join(differences)}"))


def _callbacks(tell: Tell) -> ProgressCallbacks:
    def on_start(plan: Plan, n_done: int) -> None:
        tell(Planned(rows_total=plan.n_items, rows_done=n_done))
        for name in plan.known.banks.missing if plan.known.banks else ():
            tell(Note(text=f"the policy names the bank {name!r}, which is not there: its memes are at least reviewed"))

    def on_scored(counts: OutcomeCounts) -> None:
        if counts.n_rows:
            tell(Scored(rows=counts.n_rows))

    return ProgressCallbacks(on_start, on_scored)


def _own_output() -> Tell:
    """Standard output for events alone: what a library prints there goes where errors go."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(event: Event) -> None:
        events.write(event.model_dump_json() + "\n")
        events.flush()

    return tell


def serve() -> None:
    """Do what standard input says, and tell of it on standard output."""
    tell = _own_output()
    task = JobTask.model_validate_json(sys.stdin.buffer.read())
    try:
        run_job(task, tell)
    except Exception as error:
        tell(failure(error, task))
