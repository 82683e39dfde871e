"""Experiment trackers of a run, by name: accelerate's own for TensorBoard, MLflow and Weights & Biases.

All of them write below one local folder. None reaches for the network unless the user set it up for that tool
(``MLFLOW_TRACKING_URI``; ``WANDB_API_KEY``, ``WANDB_MODE`` or a ``wandb login``). A run that resumes goes on with the
same MLflow and Weights & Biases run.
"""

import json
import netrc
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from accelerate import PartialState
from accelerate.tracking import MLflowTracker, TensorBoardTracker, WandBTracker

from model.atomic import write_atomically
from model.errors import EngineUnavailableError
from training.errors import ConfigError

Values = Mapping[str, float]
#: MLflow's experiment and the Weights & Biases project.
PROJECT = "memeguard"
#: MLflow refuses a longer parameter, and accelerate drops it.
_MAX_PARAM_CHARS = 6000


class Tracker(Protocol):
    """What the trainer asks of a tracker; it is called in the main process alone."""

    def log(self, step: int, values: Values) -> None:
        """Numbers by name, as they are after ``step`` optimiser steps of the phase (the name says which phase)."""
        ...


class Trackers:
    """Several of accelerate's trackers as one; with none, nothing is tracked."""

    def __init__(self, trackers: Sequence[Any] = ()) -> None:
        self._trackers = list(trackers)

    def log(self, step: int, values: Values) -> None:
        """See ``Tracker``."""
        for tracker in self._trackers:
            tracker.log({name: float(value) for name, value in values.items()}, step=step)

    def log_config(self, config: Mapping[str, Any]) -> None:
        """The resolved config, nested plain values."""
        for tracker in self._trackers:
            tracker.store_init_configuration(dict(config))

    def close(self) -> None:
        """Write what is not written yet."""
        for tracker in self._trackers:
            tracker.finish()


def open_trackers(names: Sequence[str], folder: Path, run_name: str) -> Trackers:
    """The trackers called ``names``, writing below ``folder``.

    Raises ``ConfigError`` for a name that is none, and ``EngineUnavailableError`` for a package that is not installed;
    both before any of them has written anything.
    """
    check_trackers(names)
    folder.mkdir(parents=True, exist_ok=True)
    PartialState()  # accelerate's trackers ask it which process is the main one
    return Trackers([_TRACKERS[name](folder, run_name) for name in dict.fromkeys(names)])


def check_trackers(names: Sequence[str]) -> None:
    """Raise as ``open_trackers`` would, without opening any."""
    for name in names:
        if name not in _TRACKERS:
            raise ConfigError(f"unknown tracker {name!r}; known trackers: {', '.join(_TRACKERS)}")
        if find_spec(name) is None:  # each is called as its package
            extra = "train" if name == "tensorboard" else "tracking"
            raise EngineUnavailableError(
                f"tracker {name!r} needs a package that is not installed: install it with "
                f"`pip install 'memeguard[{extra}]'`, or take {name!r} out of trackers"
            )


class _TensorBoard(TensorBoardTracker):  # type: ignore[misc]  # accelerate has no types; so below
    """The config is a text to read: accelerate's table of hyperparameters refuses nested values."""

    title = "config"

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        text = json.dumps(values, indent=1, ensure_ascii=False, default=str)
        self.log({self.title: "\n".join(f"    {line}" for line in text.splitlines())})


class _MLflow(MLflowTracker):  # type: ignore[misc]
    """Names in the letters that MLflow allows; the config as one parameter a leaf."""

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        params = {_plain_name(name): str(value)[:_MAX_PARAM_CHARS] for name, value in _flat(values)}
        super().store_init_configuration(params)

    def log(self, values: Mapping[str, float], step: int | None = None) -> None:
        super().log({_plain_name(name): value for name, value in values.items()}, step=step)


class _WandB(WandBTracker):  # type: ignore[misc]
    """The step is a value: each phase counts anew, and Weights & Biases drops what its own step has passed."""

    def start(self) -> None:
        super().start()
        self.tracker.define_metric("step")
        self.tracker.define_metric("*", step_metric="step")

    def log(self, values: Mapping[str, float], step: int | None = None) -> None:
        super().log({**values, "step": step})


def _tensorboard(folder: Path, run_name: str) -> TensorBoardTracker:
    """Event files in ``folder``; ``tensorboard --logdir FOLDER`` shows them."""
    tracker = _TensorBoard(".", folder)
    tracker.title = f"config of {run_name}"
    return _started(tracker)


def _mlflow(folder: Path, run_name: str) -> MLflowTracker:
    """A run of MLflow in ``folder/mlruns``, or where ``MLFLOW_TRACKING_URI`` says."""
    # MLflow reports its own use over the network, and calls plain folders outdated; both are decided at its import.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow  # noqa: PLC0415 - seconds to import

    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri((folder.resolve() / "mlruns").as_uri())
    kept = folder / "mlflow_run_id"
    tracker = _started(_MLflow(PROJECT, run_id=_read(kept), run_name=run_name))
    write_atomically(kept, str(tracker.tracker.info.run_id).encode())
    return tracker


def _wandb(folder: Path, run_name: str) -> WandBTracker:
    """A run of Weights & Biases: in ``folder/wandb`` alone, unless the user has an account set up."""
    import wandb  # noqa: PLC0415 - seconds to import

    kept = folder / "wandb_run_id"
    if not kept.is_file():
        write_atomically(kept, uuid.uuid4().hex[:12].encode())
    tracker = _WandB(
        os.environ.get("WANDB_PROJECT", PROJECT),
        name=run_name,
        dir=str(folder),
        id=_read(kept),
        resume="allow" if _wandb_is_set_up() else None,
        mode=None if _wandb_is_set_up() else "offline",
        settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
    )
    return _started(tracker)


_TRACKERS: Mapping[str, Callable[[Path, str], Any]] = MappingProxyType(
    {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb}
)


def _started(tracker: Any) -> Any:
    tracker.start()
    return tracker


def _read(path: Path) -> str | None:
    """The id that a start of the same run has kept."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _wandb_is_set_up() -> bool:
    """Whether the user chose a mode, or logged in."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_MODE"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _plain_name(name: str) -> str:
    """``name`` in the letters that MLflow allows."""
    return re.sub(r"[^\w\-. /]", "_", name)


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings and lists, each with its dotted key."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(part, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        for index, part in enumerate(value):
            yield from _flat(part, f"{key}.{index}")
    else:
        yield key, value
