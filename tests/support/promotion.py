"""A script for a subprocess: promote, and be killed at the n-th change of a file below BENTOML_HOME.

    python -m support.promotion CHAMPION CHALLENGER HOME

Forks a child for n = 1, 2, ... until one lives to the end, each in a fresh copy of HOME, and prints a line of JSON a
child: {"killed": bool, "current": tag}.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from model.bundle import open_bundle
from training.promotion.decide import Verdict
from training.promotion.results import Comparison, Contender
from training.promotion.rules import Limits
from training.promotion.store import Store
from training.promotion.succession import install_first, succeed

_OPERATIONS = {"os.rename", "os.mkdir", "os.symlink", "os.remove", "os.rmdir"}


def passing() -> Verdict:
    """A verdict that lets the challenger pass, without a comparison."""
    nobody = Contender("given", "tiny", "0.0.1", "0" * 64, 1)
    return Verdict(Comparison(nobody, nobody), Limits(), [], [])


def _kill_at(number: int, home: Path) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event in _OPERATIONS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if writes and any(str(home) in str(argument) for argument in arguments):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main(champion: Path, challenger: Path, template: Path) -> None:
    """See the module's docstring."""
    bundles = open_bundle(champion), open_bundle(challenger)
    # BentoML imports its parts as they are used: once here, and not in every child.
    install_first(Store(template.with_name("warm-up")), bundles[0], None)
    for number in range(1, 1000):
        home = template.with_name(f"home-{number}")
        shutil.copytree(template, home, symlinks=True)
        child = os.fork()
        if child == 0:
            store = Store(home)
            _kill_at(number, home)
            succeed(store, bundles[1], bundles[0], store.current(), passing(), {"report.md": "a report"})
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"home": str(home), "killed": killed}) + "\n")
        if not killed:
            return


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
