"""What a rerun needs to know of a run: command, config, data, code, environment, seeds."""

import hashlib
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from model.atomic import file_digest
from training.datasets import Sample

_PACKAGES = (
    "torch",
    "transformers",
    "open_clip_torch",
    "accelerate",
    "albumentations",
    "numpy",
    "pillow",
    "tokenizers",
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "openvino",
    "rapidocr",
)
_ROOT = Path(__file__).parents[2]
#: A path that leads out of the working folder (/..., ~/..., ../...) inside a longer text; not that of a web address.
_PLACE = re.compile(r"(?<![\w.~/-])(?:~[\w.-]*|\.\.(?:/\.\.)*)?/(?!/)[^\s'\"\[\]{},;=]+")


def provenance(
    command: str, config: Mapping[str, Any], data: Mapping[str, Sequence[Sample]], seeds: Sequence[int]
) -> dict[str, Any]:
    """Plain values for JSON. ``data`` maps the name of a part (train, dev) to its samples."""
    return {
        "command": command,
        "config": dict(config),
        "n_samples": {name: len(samples) for name, samples in data.items()},
        "data_sha256": {name: data_digest(samples) for name, samples in data.items()},
        "git": git_state(),
        "environment": environment(),
        "seeds": list(seeds),
    }


def without_places(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What a bundle may say of its run: of every path that leads out of the working folder, the last part alone.

    A bundle goes to others, who need to know which data and weights it was made of (their names and digests) and not
    whose home they lay in. The run's own folder keeps the whole paths.
    """
    plain: dict[str, Any] = _shortened(recorded)
    if "command" in recorded:
        plain["command"] = shlex.join(_shortened(word) for word in shlex.split(recorded["command"]))
    return plain


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shortened(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(one) for one in value]
    if not isinstance(value, str):
        return value
    if value.startswith(("/", "~", "../")):  # a path as a whole, which may have blanks in it
        return Path(value).name
    return _PLACE.sub(lambda found: Path(found[0]).name, value)


def data_digest(samples: Iterable[Sample]) -> dict[str, str]:
    """sha256 over ids, texts, labels, tags and captions (``rows``), and over the bytes of the pictures in order."""
    rows, pictures = hashlib.sha256(), hashlib.sha256()
    for sample in samples:
        line = (sample.dataset, sample.id, sample.text, sorted(sample.labels.items()), sample.tags, sample.caption)
        rows.update(repr(line).encode())
        pictures.update(picture_digest(sample.image).encode())
    return {"rows": rows.hexdigest(), "pictures": pictures.hexdigest()}


def git_state() -> dict[str, Any]:
    """Revision of the code and whether the checkout differs from it; "unknown" outside a checkout."""
    revision = _git("rev-parse", "HEAD")
    return {"revision": revision or "unknown", "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def environment() -> dict[str, Any]:
    """Python, packages and the machine."""
    import torch  # noqa: PLC0415 - slow to import

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "gpus": gpus,
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


@cache
def picture_digest(path: Path | None) -> str:
    """sha256 of a picture's bytes, read once; "" for a sample without one."""
    return "" if path is None else file_digest(path)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
