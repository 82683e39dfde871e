"""The folder of a training run: where everything in it lies, and which command may go on with it.

A run folder belongs to one config. It is finished when its marker stands there, which is written last; until then the
same command goes on where it was stopped. Nothing is ever overwritten: another config, or a finished run, is refused.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from model.atomic import lock_file, write_atomically
from training.errors import RunError
from training.trainer.checkpoint import first_difference


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run at ``path``; making one touches nothing."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config, YAML."""
        return self.path / "config.yaml"

    @property
    def provenance(self) -> Path:
        """Command, digests of the data, revision of the code, environment, seeds."""
        return self.path / "provenance.json"

    @property
    def checkpoint(self) -> Path:
        """Folder of what an interrupted training resumes from."""
        return self.path / "checkpoint"

    @property
    def history(self) -> Path:
        """One JSON line an epoch."""
        return self.path / "history.jsonl"

    @property
    def network(self) -> Path:
        """Weights of the best epoch; a folder of before 0.3 calls them network.pt, in the same format."""
        former = self.path / "network.pt"
        return former if former.is_file() else self.path / "network.safetensors"

    def member(self, name: str) -> "RunFolder":
        """Where one of several networks of the run lies; the run's own folder for the only one, which has no name."""
        return RunFolder(self.path / "networks" / name) if name else self

    @property
    def results_json(self) -> Path:
        """Dev metrics of the run beside the baselines."""
        return self.path / "results.json"

    @property
    def results_md(self) -> Path:
        """The same as a table."""
        return self.path / "results.md"

    @property
    def logs(self) -> Path:
        """Folder of the trackers (TensorBoard)."""
        return self.path / "logs"

    @property
    def done(self) -> Path:
        """The marker of a finished run."""
        return self.path / "done.json"

    @property
    def is_finished(self) -> bool:
        """Whether training went to its end."""
        return self.done.is_file()

    def read_config(self) -> dict[str, Any]:
        """The resolved config that the run was started with; raises ``RunError`` when there is none."""
        try:
            document = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise RunError(
                f"{self.path}: no readable config.yaml; give the folder of a `memeguard train` run"
            ) from error
        return dict(document)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """``document`` as indented JSON, in one step."""
    write_atomically(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def start_or_resume(
    run: RunFolder, config: Mapping[str, Any], complete: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
) -> bool:
    """Make the folder of a new run, or check that ``config`` is the one of the run that stands there.

    ``complete`` gives a recorded config the settings that did not exist yet when it was written.
    True when there is something to resume. A start that ended before its data was read leaves nothing to protect.
    Raises ``RunError`` for a run of another config, and for a folder that holds something else.
    """
    if run.config.is_file() and run.provenance.is_file():
        difference = first_difference(complete(run.read_config()), config)
        if difference:
            raise RunError(f"{run.path} holds a run with another config ({difference}); choose another --out")
        return True
    if run.path.is_dir() and any(_is_foreign(run, entry) for entry in run.path.iterdir()):
        raise RunError(f"{run.path} is not empty and holds no run; choose another --out")
    run.path.mkdir(parents=True, exist_ok=True)
    write_atomically(run.config, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True).encode())
    return False


@contextmanager
def locked(run: RunFolder) -> Iterator[None]:
    """Hold the run for this process; raises ``RunError`` when another process holds it. Ends with the process."""
    run.path.mkdir(parents=True, exist_ok=True)
    in_use = RunError(f"{run.path} is in use by another process; wait for it, or choose another --out")
    with lock_file(run.path / ".lock", in_use=in_use):
        yield


def _is_foreign(run: RunFolder, entry: Path) -> bool:
    """Whether something in a folder is not what a start that ended early leaves behind."""
    return entry not in (run.config, run.path / ".lock") and not entry.name.endswith(".tmp")
