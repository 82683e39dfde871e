"""``memeguard serve``: the HTTP service, run by BentoML in this process."""

import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import click

from model import MemeguardError, open_bundle
from serving.commands.options import bundle_option, ocr_option, provider_option, threads_option
from serving.settings import from_env, to_env

SERVICE = "serving.service:Memeguard"
_GRACE_S = 30


class ListenError(MemeguardError):
    """The address asked for cannot be listened on."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes, each with a model.")
@click.option("--concurrency", type=click.IntRange(1), help="Requests judged at once by a worker; default: one a core.")
@bundle_option
@ocr_option
@provider_option
@threads_option
def serve(host: str, port: int, workers: int, **flags: Any) -> None:
    """Serve over HTTP until SIGTERM or Ctrl-C. Every setting can also be given as a variable MEMEGUARD_<KEY>."""
    settings = from_env(os.environ | to_env(flags))
    open_bundle(settings.bundle)
    address = _listenable(host, port)
    # A folder of its own: servers that share BentoML's home delete each other's metrics when they start.
    with tempfile.TemporaryDirectory(prefix="memeguard-") as home:
        os.environ.update(to_env(flags) | to_env({"bundle": settings.bundle.resolve()}))
        os.environ.setdefault("BENTOML_HOME", home)
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        os.environ["BENTOML_CONFIG_OVERRIDES"] = json.dumps({"services": {"memeguard": {"workers": workers}}})
        _run_bentoml(["serve", SERVICE, "--host", address, "--port", str(port)])


def _run_bentoml(arguments: list[str]) -> None:
    """Give this process to BentoML's own command line, which stops at SIGTERM and ends with SystemExit."""
    from bentoml_cli.cli import cli  # noqa: PLC0415  BentoML reads the environment when it is imported

    root = Path(__file__).parents[2]
    cli([*arguments, "--working-dir", str(root), "--timeout-graceful-shutdown", str(_GRACE_S)])


def _listenable(host: str, port: int) -> str:
    """The IP address of ``host``, on which ``port`` was just found to be free."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ListenError(f"--host {host}: no such address ({error.strerror}); try 127.0.0.1 or 0.0.0.0") from error
    try:
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ListenError(f"cannot listen on {host} port {port}: {error.strerror}; choose another --port") from error
    return str(address[0])
