"""Where the numbers of a run go while it trains: TensorBoard, MLflow, Weights & Biases, by name.

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

from model.atomic import write_atomically
from model.errors import EngineUnavailableError
from training.errors import ConfigError

Values = Mapping[str, float]
#: MLflow's experiment and the Weights & Biases project.
PROJECT = "memeguard"


class Tracker(Protocol):
    """What the engine asks of a tracker; it is called in the main process alone."""

    def log(self, step: int, values: Values) -> None:
        """Numbers by name, as they are after ``step`` optimiser steps of the phase (the name says which phase)."""
        ...

    def log_config(self, config: Mapping[str, Any]) -> None:
        """The resolved config, nested plain values."""
        ...

    def close(self) -> None:
        """Write what is not written yet."""
        ...


class Trackers:
    """Several trackers as one; with none, nothing is tracked."""

    def __init__(self, trackers: Sequence[Tracker] = ()) -> None:
        self._trackers = list(trackers)

    def log(self, step: int, values: Values) -> None:
        """See ``Tracker``."""
        for tracker in self._trackers:
            tracker.log(step, values)

    def log_config(self, config: Mapping[str, Any]) -> None:
        """See ``Tracker``."""
        for tracker in self._trackers:
            tracker.log_config(config)

    def close(self) -> None:
        """See ``Tracker``."""
        for tracker in self._trackers:
            tracker.close()


def open_trackers(names: Sequence[str], folder: Path, run_name: str) -> Trackers:
    """The trackers called ``names``, writing below ``folder``.

    Raises ``ConfigError`` for a name that is none, and ``EngineUnavailableError`` for a package that is not installed;
    both before any of them has written anything.
    """
    check_trackers(names)
    folder.mkdir(parents=True, exist_ok=True)
    return Trackers([_TRACKERS[name](folder, run_name) for name in dict.fromkeys(names)])


def check_trackers(names: Sequence[str]) -> None:
    """Raise as ``open_trackers`` would, without opening any."""
    for name in names:
        if name not in _TRACKERS:
            raise ConfigError(f"unknown tracker {name!r}; known trackers: {', '.join(_TRACKERS)}")
        if find_spec(_PACKAGES[name]) is None:
            extra = "train" if name == "tensorboard" else "tracking"
            raise EngineUnavailableError(
                f"tracker {name!r} needs a package that is not installed: install it with "
                f"`pip install 'memeguard[{extra}]'`, or take {name!r} out of trackers"
            )


class TensorBoardTracker:
    """Event files in ``folder``; ``tensorboard --logdir FOLDER`` shows them."""

    def __init__(self, folder: Path, run_name: str) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - only for who asked for it

        self._writer: Any = SummaryWriter(str(folder), flush_secs=20)
        self._run_name = run_name

    def log(self, step: int, values: Values) -> None:
        """See ``Tracker``."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def log_config(self, config: Mapping[str, Any]) -> None:
        """See ``Tracker``."""
        text = json.dumps(config, indent=1, ensure_ascii=False, default=str)
        self._writer.add_text(f"config of {self._run_name}", "\n".join(f"    {line}" for line in text.splitlines()))

    def close(self) -> None:
        """See ``Tracker``."""
        self._writer.close()


class MlflowTracker:
    """A run of MLflow in ``folder/mlruns``, or where ``MLFLOW_TRACKING_URI`` says."""

    def __init__(self, folder: Path, run_name: str) -> None:
        # MLflow reports its own use over the network, and calls plain folders outdated; both are decided at its import.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient  # noqa: PLC0415 - seconds to import

        uri = os.environ.get("MLFLOW_TRACKING_URI") or (folder.resolve() / "mlruns").as_uri()
        self._client: Any = MlflowClient(tracking_uri=uri)
        self._run_id = _kept(folder / "mlflow_run_id", lambda: self._new_run(run_name))

    def _new_run(self, run_name: str) -> str:
        experiment = self._client.get_experiment_by_name(PROJECT)
        place = experiment.experiment_id if experiment is not None else self._client.create_experiment(PROJECT)
        return str(self._client.create_run(place, run_name=run_name).info.run_id)

    def log(self, step: int, values: Values) -> None:
        """See ``Tracker``."""
        for name, value in values.items():
            self._client.log_metric(self._run_id, _plain_name(name), value, step=step)

    def log_config(self, config: Mapping[str, Any]) -> None:
        """See ``Tracker``; as parameters, which MLflow cuts nowhere but refuses beyond 6,000 characters."""
        for name, value in _flat(config):
            self._client.log_param(self._run_id, _plain_name(name), str(value)[:6000])

    def close(self) -> None:
        """See ``Tracker``."""
        self._client.set_terminated(self._run_id)


class WandbTracker:
    """A run of Weights & Biases: in ``folder/wandb`` alone, unless the user has an account set up."""

    def __init__(self, folder: Path, run_name: str) -> None:
        import wandb  # noqa: PLC0415 - seconds to import

        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run_name,
            dir=str(folder),
            id=_kept(folder / "wandb_run_id", lambda: uuid.uuid4().hex[:12]),
            resume="allow" if _wandb_is_set_up() else None,
            mode=None if _wandb_is_set_up() else "offline",
            settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
        )
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, values: Values) -> None:
        """See ``Tracker``."""
        self._run.log({**values, "step": step})

    def log_config(self, config: Mapping[str, Any]) -> None:
        """See ``Tracker``."""
        self._run.config.update(dict(config), allow_val_change=True)

    def close(self) -> None:
        """See ``Tracker``."""
        self._run.finish()


_TRACKERS: Mapping[str, Callable[[Path, str], Tracker]] = MappingProxyType(
    {"tensorboard": TensorBoardTracker, "mlflow": MlflowTracker, "wandb": WandbTracker}
)
_PACKAGES: Mapping[str, str] = MappingProxyType({"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"})


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The id in ``path``, or a new one that is written there: a run that resumes finds it again."""
    if not path.is_file():
        write_atomically(path, make().encode())
    return path.read_text(encoding="utf-8")


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
        for place, part in enumerate(value):
            yield from _flat(part, f"{key}.{place}")
    else:
        yield key, value
