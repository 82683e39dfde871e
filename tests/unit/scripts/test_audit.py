import os
import runpy
import subprocess
import sys
from typing import Any

import pytest
from support import ROOT

SCRIPT = ROOT / "scripts" / "audit.py"
judge = runpy.run_path(str(SCRIPT))["judge"]
#: As pip-audit prints them.
CLEAN = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
SKIPPED = {"name": "odd", "skip_reason": "Dependency not found on PyPI and could not be audited: odd (1.0)"}


@pytest.mark.parametrize(
    ("packages", "status", "words"),
    [
        ([CLEAN, CLEAN], 0, "2 pins, no known vulnerability"),
        ([CLEAN, BAD], 1, "bad 1.0: PYSEC-1, fixed in 1.1"),
        ([SKIPPED, BAD], 1, "1 of 2 pins were not checked: odd"),
        ([SKIPPED, CLEAN], 3, "1 of 2 pins were not checked: odd"),
        ([SKIPPED, SKIPPED], 3, "NOTHING was checked"),
        ([], 3, "NOTHING was checked"),
    ],
)
def test_what_was_not_looked_up_is_never_taken_for_safe(packages: list[Any], status: int, words: str) -> None:
    given, lines = judge({"dependencies": packages})
    assert given == status
    assert words in "\n".join(lines)


def test_a_machine_that_reaches_no_advisories_says_so_and_fails() -> None:
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | {"HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": "", "no_proxy": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3
    assert "advisories cannot be reached" in done.stderr
    assert "no known vulnerability" not in done.stdout
