"""A batch run whose input lies on a web server."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.batch import rows_of, run_command, run_here, write_memes
from support.tiny import TinyBundle
from support.tls_host import page, tls_host

from serving.batch.errors import BatchError
from serving.batch.input.batch_input import BatchInput
from serving.batch.input.files import without_secrets
from serving.batch.input.items import Columns

HANDED_ON = ("manifest.json", "report.html", "part-000000.parquet")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_memes(tmp_path / "www", 3)


@pytest.fixture
def address(table: Path) -> Iterator[str]:
    """Where the table is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=table.parent)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{table.name}"
        server.shutdown()


def test_pictures_beside_a_table_are_fetched_from_where_it_lies(address: str, tmp_path: Path, tiny: TinyBundle) -> None:
    run_here(address, tmp_path / "out", bundle=tiny.bundle.path)
    assert [row["error"] for row in rows_of(tmp_path / "out")] == [None] * 3


def test_an_address_may_be_signed(address: str) -> None:
    items = list(BatchInput(f"{address}?signature=a/b.c", Columns()).items())
    assert [item.image for item in items] == [address.replace("memes.jsonl", f"meme-{n}.jpg") for n in range(3)]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://host/a/t.csv?sig=s3cret&x=/", "https://host/a/t.csv"),
        ("zip://t*.csv::https://ann:s3cret@host:81/a.zip?sig=s3cret", "zip://t*.csv::https://host:81/a.zip"),
        ("sftp://ann:s3cret@host/a", "sftp://host/a"),
        ("s3://bucket/a@b/what?.csv", "s3://bucket/a@b/what?.csv"),
        ("/data/a@b/what?.csv", "/data/a@b/what?.csv"),
    ],
)
def test_what_gives_access_is_not_shown(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_a_signature_is_in_no_file_that_is_handed_on(address: str, tmp_path: Path, tiny: TinyBundle) -> None:
    run_here(f"{address}?signature=s3cret", tmp_path / "out", bundle=tiny.bundle.path)
    assert [name for name in HANDED_ON if b"s3cret" in (tmp_path / "out" / name).read_bytes()] == []
    assert address in (tmp_path / "out" / "manifest.json").read_text()


def test_a_table_that_was_changed_on_its_server_is_another_input(
    address: str, table: Path, tmp_path: Path, tiny: TinyBundle
) -> None:
    run_here(address, tmp_path / "out", bundle=tiny.bundle.path)
    table.write_text(table.read_text().replace("number 1", "number 9"))
    os.utime(table, (0, 0))
    with pytest.raises(BatchError, match=r"its input .* was changed since"):
        run_here(address, tmp_path / "out", bundle=tiny.bundle.path)


def test_pictures_beside_a_table_are_fetched_by_https_when_it_is(table: Path, tmp_path: Path, tiny: TinyBundle) -> None:
    with tls_host(tmp_path, "localhost") as host:
        host.pages = {f"/in/{path.name}": page(path.read_bytes()) for path in table.parent.iterdir()}
        address = f"https://localhost:{host.port}/in/{table.name}"
        done = run_command(
            address,
            "--out",
            tmp_path / "out",
            "--ocr",
            "none",
            "--bundle",
            tiny.bundle.path,
            SSL_CERT_FILE=str(host.ca_file),
        )
    assert done.returncode == 0, done.stderr
    assert [row["error"] for row in rows_of(tmp_path / "out")] == [None] * 3
