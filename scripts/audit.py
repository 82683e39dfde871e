"""Ask pip-audit whether a pinned package has a known vulnerability. Run by ``make audit`` and ``make lint``.

Exit status 0: every pin was looked up and none has one. 1: one has. 3: the advisories could not be had, or not for
all pins. pip-audit itself ends with 0 when it skipped a package, or all of them; that is no good answer here.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ROOT / "constraints.txt"
#: Advisories that do not concern us: an id and the reason, a line each.
ACCEPTED = ROOT / "scripts" / "audit_accepted.txt"
FOUND, NOT_HAD = 1, 3
#: Looked up first, so that a machine without advisories asks once and not for every pin.
_PROBE = "pillow"
_TIMEOUT_S = 600
_MOST_NAMED = 5


def main() -> int:
    """Look up one pin, then all of them."""
    pins = [line for line in PINS.read_text().splitlines() if line and not line.startswith("#")]
    report = _report([pin for pin in pins if pin.startswith(f"{_PROBE}==")])
    if report is not None and _audited(report):
        report = _report(pins)
    status, lines = judge(report)
    for line in lines:
        print(f"audit: {line}", file=sys.stderr if status else sys.stdout)
    return status


def judge(report: dict[str, Any] | None) -> tuple[int, list[str]]:
    """Exit status and what to say of pip-audit's report; None: it gave none."""
    if report is None or not _audited(report):
        return NOT_HAD, ["WARNING: advisories cannot be reached from this machine, so NOTHING was checked"]
    lines = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {_fixed(vulnerability)}"
        for package in _audited(report)
        for vulnerability in package["vulns"]
    ]
    skipped = [package["name"] for package in report["dependencies"] if "skip_reason" in package]
    if skipped:
        shown = ", ".join(skipped[:_MOST_NAMED]) + (", ..." if len(skipped) > _MOST_NAMED else "")
        lines.append(f"WARNING: {len(skipped)} of {len(report['dependencies'])} pins were not checked: {shown}")
    if any(package["vulns"] for package in _audited(report)):
        return FOUND, [*lines, "raise the pin, or give the id and a reason in scripts/audit_accepted.txt"]
    return (NOT_HAD, lines) if skipped else (0, [f"{len(report['dependencies'])} pins, no known vulnerability"])


def accepted() -> list[str]:
    """Ids of advisories that a person looked at and set aside."""
    lines = [line.split("#")[0].split() for line in ACCEPTED.read_text().splitlines()]
    return [words[0] for words in lines if words]


def _audited(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [package for package in report["dependencies"] if "vulns" in package]


def _fixed(vulnerability: dict[str, Any]) -> str:
    return ", ".join(vulnerability["fix_versions"]) or "no version"


def _report(pins: list[str]) -> dict[str, Any] | None:
    """What pip-audit says of some pins; None when it ends without a report."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", *(word for name in accepted() for word in ("--ignore-vuln", name))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pins.txt"
        file.write_text("\n".join(pins))
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command
                [*command, "-r", str(file)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
            report: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, json.JSONDecodeError):
            return None
    return report


if __name__ == "__main__":
    sys.exit(main())
