"""Batch runs: inputs of rendered memes, runs in processes of their own or in this one, and what they left on disk."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from serving.batch.output.manifest import Totals
from serving.batch.plan import Plan
from serving.batch.run import BatchOptions, ProgressCallbacks, run_batch
from support.pictures import meme

BAD_PICTURES = {"unsupported_format": b"this is no picture", "corrupt": meme()[:600], "empty": b""}
#: What a picture's file name has its reader do, once ``trap`` is in the way.
_TRAP = """
import os, signal, sys, time

if {no_start!r} and "--multiprocessing-fork" in sys.orig_argv:
    os._exit(4)

def hook(event, arguments):
    name = str(arguments[0]).rpartition("/")[2] if event == "open" else ""
    if name in ("exits.png", "dies.png", "hangs.png"):
        log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, f"{{name}} ".encode())
    if name == "exits.png":
        os._exit(3)
    if name == "dies.png":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "hangs.png":
        time.sleep(3600)

sys.addaudithook(hook)
"""


def write_memes(folder: Path, n: int, *, corrupt: int = 0) -> Path:
    """``n`` memes with their words in ``memes.jsonl``; the last ``corrupt`` of every 100 or fewer are no pictures.

    A picture is kept in the file that its number gives, of 20 different ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rendered = [meme(seed, "JPEG") for seed in range(20)]
    bad = list(BAD_PICTURES.values())
    lines = []
    for number in range(n):
        is_bad = number % (n // max(1, corrupt)) == 7 if corrupt else False
        content = bad[number % len(bad)] if is_bad else rendered[number % len(rendered)]
        name = f"{'bad' if is_bad else 'meme'}-{number}.jpg"
        (folder / name).write_bytes(content)
        lines.append({"id": f"m{number}", "image": name, "text": f"words number {number}", "tags": ["tag", "other"]})
    return write_jsonl(folder / "memes.jsonl", lines)


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def set_trap(folder: Path, *, no_start: bool = False) -> dict[str, str]:
    """Environment of processes in which opening ``exits.png``, ``dies.png`` or ``hangs.png`` does that.

    Each of it becomes a line of ``folder/log``. With ``no_start``, worker processes end at once.
    """
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(_TRAP.format(log=str(folder / "log"), no_start=no_start))
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))}


def run_here(input: Path | str, out: Path, **options: Any) -> Totals:
    """A run driven by this process, without OCR."""
    chosen: dict[str, Any] = {"input": str(input), "out": out, "ocr": "none"} | options
    return run_batch(BatchOptions(**chosen), SILENT)[1]


def _ignore(*_: object) -> None:
    pass


SILENT = ProgressCallbacks(on_start=_ignore, on_scored=_ignore)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "serving.cli", "batch", *map(str, arguments)]


def run_command(*arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    """``memeguard batch`` to its end."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=300, check=False, env=os.environ | environ
    )


def rows_of(out: Path) -> list[dict[str, Any]]:
    """Every row of a run, shard after shard."""
    return [row for shard in sorted(out.glob("part-*.parquet")) for row in pq.read_table(shard).to_pylist()]


def plan_of(out: Path) -> Plan:
    return Plan.model_validate_json((out / "_plan" / "plan.json").read_bytes())
