"""Unpacking of what a stranger packed, under limits: a zip to files alone in one folder, gzip to a count of bytes."""

import errno
import gzip
import lzma
import shutil
import stat
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from serving.jobs.errors import JobError

#: Beside the pictures and the table, such as what macOS adds.
_FILES_BESIDE_ROWS = 1000
_COPY_BYTES = 1024 * 1024
_ENCRYPTED = 0x1
#: Deeper folders cost more to walk and to remove than any table with pictures needs.
_MAX_PARTS = 32
_NO_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
#: What packers raise of a damaged entry: bz2 an ``OSError`` without a number, the others errors of their own.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError)


def unpack(archive: Path, folder: Path, max_files: int, max_bytes: int) -> None:
    """Write the files of ``archive`` below ``folder``, which is made anew; raises ``JobError``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _check(entries, max_files + _FILES_BESIDE_ROWS, max_bytes)
            left = max_bytes
            for entry in entries:
                left -= _write(opened, entry, _target(folder, entry.filename), left, max_bytes)
    except NotImplementedError as error:  # such as Deflate64
        raise JobError("bad_input", f"the zip is packed in a way that is not read ({error}); use deflate") from error
    except _DAMAGED as error:
        raise JobError("bad_input", f"the zip is damaged ({error or type(error).__name__})") from error


def check_unpacked_size(folder: Path, max_bytes: int) -> None:
    """Raise ``JobError`` where the gzip files in ``folder`` hold more in all, of which rows need not show anything: one
    line without an end, empty lines, columns that are not read. Damage is for who reads the rows to tell.
    """
    left = max_bytes
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() != ".gz" or not path.is_file():
            continue
        with suppress(gzip.BadGzipFile, EOFError, zlib.error), gzip.open(path) as packed:
            while chunk := packed.read(_COPY_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise _too_large(max_bytes)


def _check(entries: list[zipfile.ZipInfo], max_files: int, max_bytes: int) -> None:
    if len(entries) > max_files:
        raise JobError("too_many_rows", f"the zip holds {len(entries)} files; the limit is {max_files}")
    if sum(entry.file_size for entry in entries) > max_bytes:
        raise _too_large(max_bytes)
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise JobError("bad_input", "the zip is encrypted; send one that is not")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise JobError("bad_input", "the zip holds a symbolic link; send files alone")


def _target(folder: Path, name: str) -> Path:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise JobError("bad_input", "the zip holds a path that leads out of it; pack relative paths")
    if len(path.parts) > _MAX_PARTS:
        raise JobError("bad_input", f"the zip holds folders more than {_MAX_PARTS} deep; pack it flatter")
    return folder / path


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int, max_bytes: int) -> int:
    """Unpack one file of at most ``left`` bytes, whatever its entry says of its size; how many they were."""
    n_bytes = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(entry) as packed, target.open("xb") as file:
            while chunk := packed.read(_COPY_BYTES):
                n_bytes += len(chunk)
                if n_bytes > left:
                    raise _too_large(max_bytes)
                file.write(chunk)
    except (FileExistsError, NotADirectoryError) as error:
        raise JobError("bad_input", "the zip holds two files of one name") from error
    except OSError as error:
        if error.errno is None:
            raise JobError("bad_input", "the zip is damaged: a file in it cannot be unpacked") from error
        if error.errno in _NO_NAME:
            raise JobError("bad_input", "the zip holds a name that no file can have; use shorter ones") from error
        raise
    except NotImplementedError:  # is a RuntimeError
        raise
    except RuntimeError as error:  # zipfile's, of an encrypted entry that does not say so
        raise JobError("bad_input", "the zip cannot be unpacked; send one that is not encrypted") from error
    return n_bytes


def _too_large(max_bytes: int) -> JobError:
    return JobError("too_many_bytes", f"the input unpacks to more than {max_bytes} bytes, which is the limit")
