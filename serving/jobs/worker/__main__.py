"""Start of the process of a job: ``python -m serving.jobs.worker PARENT``, with a ``JobTask`` on its standard input.

From its first moment on it ends with the process that started it, and with nothing else: a signal that stops the whole
server is for the server, which ends its jobs and gives them back.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_NICENESS = 19
#: Where memory runs out, the system ends this process before the server.
_FIRST_TO_GO = "1000"


def main() -> None:
    """Yield to every other process, and do what standard input says."""
    for sent_to_all in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sent_to_all, signal.SIG_IGN)  # inherited by the processes that judge
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # it ended before we asked
        os._exit(1)
    os.nice(_NICENESS)
    with suppress(OSError):  # where the system has none, or does not let it
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")
    from serving.jobs.worker.process import serve  # noqa: PLC0415  takes seconds, in which all this must hold

    serve()


if __name__ == "__main__":
    main()
