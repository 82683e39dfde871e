"""Zips that strangers send."""

import stat
import zipfile
from pathlib import Path

import pytest

from serving.jobs.errors import JobError
from serving.jobs.worker.unpack import unpack

ROOM = {"max_files": 10, "max_bytes": 1000}


def _zip(path: Path, *files: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def _link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("set/rows.csv", b"id"), ("set/pictures/a.png", b"x"), ("set/empty/", b""))
    unpack(archive, tmp_path / "out", **ROOM)
    unpack(archive, tmp_path / "out", **ROOM)  # after a process that was killed here
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == ["set/pictures/a.png", "set/rows.csv"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("../evil", b"x", "bad_input"),
        ("a/../../evil", b"x", "bad_input"),
        ("/evil", b"x", "bad_input"),
        ("..\\evil", b"x", "bad_input"),
        (_link("link"), b"/etc/passwd", "bad_input"),
        ("/".join(["deep"] * 33), b"x", "bad_input"),
        ("n" * 300, b"x", "bad_input"),
        ("large", bytes(1001), "too_many_bytes"),
    ],
)
def test_what_leads_out_or_is_too_large_is_refused(
    tmp_path: Path, name: str | zipfile.ZipInfo, content: bytes, code: str
) -> None:
    archive = _zip(tmp_path / "a.zip", (name, content))
    with pytest.raises(JobError) as error:
        unpack(archive, tmp_path / "in" / "out", **ROOM)
    assert error.value.code == code
    assert not [path for path in tmp_path.rglob("*evil*") if path.is_file()]


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("large", bytes(5000)))
    content = archive.read_bytes()
    archive.write_bytes(content.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(JobError) as error:
        unpack(archive, tmp_path / "out", **ROOM)
    assert error.value.code in ("bad_input", "too_many_bytes")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= ROOM["max_bytes"]


def test_too_many_files_a_name_twice_and_what_is_no_zip_are_refused(tmp_path: Path) -> None:
    many = _zip(tmp_path / "many.zip", *((f"{n}.png", b"") for n in range(1011)))
    with pytest.raises(JobError) as error:
        unpack(many, tmp_path / "out", **ROOM)
    assert error.value.code == "too_many_rows"
    torn = tmp_path / "torn.zip"
    torn.write_bytes(many.read_bytes()[:-30])
    both = _zip(tmp_path / "both.zip", ("a", b"x"), ("a/b", b"x"))
    for archive in (torn, both):
        with pytest.raises(JobError) as refused:
            unpack(archive, tmp_path / "out", **ROOM)
        assert refused.value.code == "bad_input"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_entry_is_the_senders_whatever_packed_it(tmp_path: Path, method: int) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", method) as opened:
        opened.writestr("rows.csv", bytes(range(256)) * 3)
    content = bytearray(archive.read_bytes())
    start = 30 + len("rows.csv") + 9  # past the header, and past LZMA's own
    content[start : start + 40] = b"\xff" * 40
    archive.write_bytes(content)
    with pytest.raises(JobError) as error:
        unpack(archive, tmp_path / "out", **ROOM)
    assert error.value.code == "bad_input"


def test_a_way_of_packing_that_is_not_read_is_not_taken_for_encryption(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", ("rows.csv", b"id"))
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = content.index(signature) + offset
        content[at : at + 2] = (9).to_bytes(2, "little")  # Deflate64
    archive.write_bytes(content)
    with pytest.raises(JobError, match="packed in a way that is not read") as error:
        unpack(archive, tmp_path / "out", **ROOM)
    assert error.value.code == "bad_input"
