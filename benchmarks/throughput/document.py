"""Numbers of one run of ``benchmarks.speed``, as it writes them to JSON: what was counted, nothing reckoned from it."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.server_process import ROOT

Kind = Literal["words", "ocr", "textless"]
KINDS: dict[Kind, str] = {
    "words": "words supplied",
    "ocr": "words read by OCR",
    "textless": "no words on the picture, OCR looks for them",
}
#: Names of the sides: two that a user would build, an older commit, this checkout served, and as a library.
TESSERACT, RAPIDOCR, NOVEMBER, NOW, BARE = "tesseract", "rapidocr", "november", "now", "bare"
_PACKAGES = ("torch", "transformers", "onnxruntime-gpu", "onnxruntime", "openvino", "rapidocr", "bentoml")


class Part(BaseModel):
    """Base of the parts of the document: frozen, and no field that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Work(Part):
    """Memes that were judged in one turn, in how much time, and the CPU time that all processes of the side had."""

    n: int
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Memes a second."""
        return self.n / self.wall_s

    @property
    def core_s(self) -> float:
        """Seconds of a core for one meme."""
        return self.cpu_s / self.n


class SideRun(Part):
    """One side with one number of processes. Lists have an entry for each round, ``alone_s`` one for each request.

    ``alone_s`` are the seconds of requests on an idle server, one after the other.
    """

    busy: dict[Kind, list[Work]] = Field(default_factory=dict)
    alone_s: dict[Kind, list[float]] = Field(default_factory=dict)
    resident_mib: float = 0.0


class Side(Part):
    """What was measured of one side, by the number of its processes."""

    name: str
    title: str
    ready_s: list[float] = Field(default_factory=list)
    runs: dict[int, SideRun] = Field(default_factory=dict)


class Machine(Part):
    """Where and with what a run was made."""

    command: str
    commit: str
    processor: str
    cores: list[int]
    python: str
    packages: dict[str, str]


class Document(Part):
    """Everything that a run found. ``batch_per_s``: memes a second of ``memeguard batch`` by workers and round.

    ``repeats`` are memes that this checkout's server answers from its cache, ``now_model`` is what it says of its
    model at ``/readyz``; ``picture_bytes`` the mean size of a meme.
    """

    machine: Machine
    rounds: int
    seconds: float
    n_memes: int
    memes: str
    picture_bytes: float
    random_weights: str
    now_model: dict[str, Any]
    sides: list[Side]
    repeats: list[Work]
    batch_per_s: dict[int, list[float]]

    def side(self, name: str) -> Side:
        """One of the sides; raises ``ValueError`` where it was not measured."""
        found = {side.name: side for side in self.sides}
        if name not in found:
            raise ValueError(f"{name} was not measured in this run; it has {', '.join(found)}")
        return found[name]

    def work(self, name: str, kind: Kind, n_processes: int = 1) -> list[Work]:
        """The turns of one side, by round."""
        return self.side(name).runs[n_processes].busy[kind]

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Document":
        """What ``save`` wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))


def this_machine() -> Machine:
    """The machine, the checkout and the packages of this process."""
    commit = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(commit, capture_output=True, text=True, check=False)  # a folder without history has none
    return Machine(
        command=" ".join(["python -m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        commit=done.stdout.strip(),
        processor=_processor(),
        cores=sorted(os.sched_getaffinity(0)),
        python=platform.python_version(),
        packages={package: version for package in _PACKAGES if (version := _version(package))},
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
