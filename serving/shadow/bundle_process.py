"""Process in which a shadow bundle judges: of the lowest priority there is, one thread, memes through a pipe.

    python -m serving.shadow.bundle_process HANDLE PARENT

It is a process and no thread: a thread of low priority in the server would hold Python's lock while others wait for it.
The server starts it with one end of a pipe, sends a ``BundleSpec``, and then a ``ShadowMeme`` for each decision.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from model import Meme, MemeguardError, Scorer, load
from model.judge import Reading, ScoringError
from model.parts.reading import view_spans
from serving.shadow.messages import BundleSpec, ShadowFailure, ShadowJudgement, ShadowMeme

_PR_SET_PDEATHSIG = 1
_LOWEST_NICENESS = 19
#: A tenth of the weight of the server, so that a bundle is loaded on a busy machine too.
_NICENESS_OF_LOADING = 10


def judged(scorer: Scorer, meme: ShadowMeme) -> ShadowJudgement | ShadowFailure:
    """Judge a meme by the words that the server judged it by: they are not read again."""
    try:
        (found,) = scorer.judge([_reading(scorer, meme)])
    except MemeguardError as error:
        return ShadowFailure(getattr(error, "code", type(error).__name__))
    except Exception as error:  # a bug that one meme brings out leaves the others their judgements
        return ShadowFailure(type(error).__name__)
    if isinstance(found, ScoringError):
        return ShadowFailure(found.code)
    categories = {} if scorer.categories is None else scorer.categories.scores(found.features)
    return ShadowJudgement(found, categories)


def _reading(scorer: Scorer, meme: ShadowMeme) -> Reading:
    if meme.image is None:
        return scorer.read(Meme.from_text(meme.text.content, tags=meme.tags, limits=scorer.limits))
    budget = scorer.budget()
    with budget.counted():
        opened = Meme.from_bytes(meme.image, tags=meme.tags, limits=scorer.limits, budget=budget)
    spans = view_spans(meme.view_texts) if meme.text.source == "ocr" else ()
    return Reading(opened, meme.text, spans=spans)


def main() -> None:
    """Judge what comes until nobody asks any more."""
    handle, parent = map(int, sys.argv[1:])
    os.nice(max(0, _NICENESS_OF_LOADING - os.getpriority(os.PRIO_PROCESS, 0)))
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    with Connection(handle) as connection, suppress(EOFError, ConnectionError):
        _serve(connection)


def _serve(connection: Connection) -> None:
    spec: BundleSpec = connection.recv()
    try:
        scorer = load(
            spec.bundle, ocr="none", engine=spec.engine, threads=1, limits=spec.limits, categories=spec.categories
        )
    except MemeguardError as error:
        connection.send(ShadowFailure(str(error)))
        return
    _yield_to_all()
    connection.send(None)
    while True:
        connection.send(judged(scorer, connection.recv()))


def _yield_to_all() -> None:
    """Run when no other process wants the core; where that class is forbidden, at the lowest priority of the usual.

    Linux asks each thread: those that the engine has started are among them.
    """
    for thread in [int(task.name) for task in Path("/proc/self/task").iterdir()]:
        os.setpriority(os.PRIO_PROCESS, thread, _LOWEST_NICENESS)
        with suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def _end_with(parent: int) -> None:
    """Ask the kernel to end this process with the thread that started it."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


if __name__ == "__main__":
    main()
