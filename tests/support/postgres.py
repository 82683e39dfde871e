"""A PostgreSQL server of the tests' own, on loopback, gone when they end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from support.server import free_port

PASSWORD = "a-word-that-no-log-may-hold"  # noqa: S105


@dataclass
class Cluster:
    """A server."""

    bin: Path
    data: Path
    port: int
    _numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        options = f"-F -p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data}"
        self._run("pg_ctl", "-w", "-s", "-l", str(self.data / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")

    @contextmanager
    def outage(self) -> Iterator[None]:
        """The server is down for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"ledger_{next(self._numbers)}"
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self._url(name).render_as_string(hide_password=False)

    def create(self) -> None:
        password = self.data / "password"
        password.write_text(PASSWORD)
        shutil.chown(self.data, _owner())
        shutil.chown(password, _owner())
        self._run(
            "initdb",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--username=memeguard",
            "--no-sync",
            "--encoding=UTF8",
        )

    def _url(self, database: str) -> URL:
        return URL.create("postgresql+psycopg", "memeguard", PASSWORD, "127.0.0.1", self.port, database)

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        as_owner = (
            ["setpriv", f"--reuid={_owner()}", f"--regid={_owner()}", "--clear-groups"] if os.getuid() == 0 else []
        )
        command = [*as_owner, str(self.bin / program), "-D", str(self.data / "cluster"), *arguments]
        done = subprocess.run(
            command,
            cwd=self.data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Not among pytest's folders: those are closed to the user that the server runs as."""
    with tempfile.TemporaryDirectory(prefix="memeguard-postgres-") as folder:
        cluster = Cluster(_programs(), Path(folder), free_port())
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def _owner() -> str:
    return "postgres" if os.getuid() == 0 else str(os.getuid())


def _programs() -> Path:
    """Debian keeps a server's programs off the PATH; scripts/setup.sh installs them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    assert found or on_path, "PostgreSQL's initdb is needed: sudo apt-get install postgresql"
    return (found[-1] if found else Path(on_path or "")).parent
