"""A Ray cluster of one node on loopback, as an operator starts one, and what a Ray leaves while it runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from support.server import free_port

#: An operator's token, so that nothing is kept in anybody's home; and loopback alone.
CLUSTER_ENVIRON = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "5e" * 32,
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
_START_S = 120


@contextmanager
def running_ray(folder: Path, n_cpus: int) -> Iterator[str]:
    """``ray start --head`` with so many CPUs; gives its address."""
    address = f"127.0.0.1:{free_port()}"
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"]
    options = ["--node-ip-address=127.0.0.1", f"--port={address.rpartition(':')[2]}", f"--num-cpus={n_cpus}"]
    options += ["--include-dashboard=false", f"--temp-dir={folder}"]
    log = folder / "start.log"
    with log.open("wb") as file:
        node = subprocess.Popen(
            command + options, env=os.environ | CLUSTER_ENVIRON, stdout=file, stderr=file, start_new_session=True
        )
    try:
        _wait_until_started(node, log)
        yield address
    finally:
        below = psutil.Process(node.pid).children(recursive=True)
        node.kill()
        node.wait()
        for process in below:
            process.kill()
        psutil.wait_procs(below)


def actors_of(driver: int) -> list[psutil.Process]:
    """The actors of an embedded Ray that have a worker process by now."""
    return [process for process in _family(driver) if "ray::Map" in _name(process) and process.children()]


def listening(driver: int) -> set[str]:
    """Addresses at which a process and those below it can be reached."""
    found: set[str] = set()
    for process in _family(driver):
        try:
            found |= {one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN}
        except psutil.Error:  # it ended
            continue
    return found


def _family(driver: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(driver)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _wait_until_started(node: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + _START_S
    while "Ray runtime started" not in log.read_text():
        assert node.poll() is None, log.read_text()
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.2)
