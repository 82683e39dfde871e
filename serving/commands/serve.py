"""Command ``memeguard serve``: the HTTP service, run by BentoML in this process."""

import json
import math
import os
import socket
import tempfile
from pathlib import Path

import click

from model import MemeguardError, open_bundle
from model.engine import check_installed
from model.known.category_file import category_names
from model.policy.file import read_policies
from serving.commands.options import (
    bundle_option,
    engine_option,
    ocr_languages_option,
    ocr_option,
    provider_option,
    threads_option,
)
from serving.security.addresses import is_loopback
from serving.security.key_file import read_keys
from serving.settings import Settings, from_env, to_env
from serving.settings.shadow import absolute_choice
from serving.shadow.shadows import check_shadows

SERVICE = "serving.service:Memeguard"


class ListenError(MemeguardError):
    """The address asked for cannot be listened on."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes, each with a model.")
@click.option("--concurrency", type=click.IntRange(1), help="Requests judged at once by a worker; default: one a core.")
@click.option(
    "--policy-file", type=click.Path(path_type=Path), help="YAML file of policies; default: the bundle's own."
)
@click.option(
    "--categories-file", type=click.Path(path_type=Path), help="YAML file of categories of one's own; default: none."
)
@click.option("--keys-file", type=click.Path(path_type=Path), help="API keys, made by `memeguard keys create`.")
@click.option("--allow-anonymous", is_flag=True, default=None, help="Serve beyond this machine without keys.")
@click.option(
    "--shadow-policy",
    metavar="NAME|FILE[:NAME]",
    help="Policy that is tried on live decisions and decides nothing; default: none.",
)
@click.option(
    "--shadow-bundle",
    type=click.Path(path_type=Path),
    help="Bundle folder that judges live memes too and decides nothing; default: none.",
)
@click.option(
    "--shadow-share", type=click.FloatRange(0, 1), help="Share of decisions that shadows judge too; default: all."
)
@bundle_option
@ocr_option
@ocr_languages_option
@engine_option
@provider_option
@threads_option
def serve(host: str, port: int, workers: int, **flags: str | int | Path | None) -> None:
    """Serve over HTTP until SIGTERM or Ctrl-C. Every setting can also be given as a variable MEMEGUARD_<KEY>."""
    settings = from_env(os.environ | to_env(flags))
    check_installed(settings.asked_engine)
    read_policies(settings.policy_file, open_bundle(settings.bundle), category_names(settings.categories_file))
    check_shadows(settings)
    if settings.keys_file:
        read_keys(settings.keys_file)
    address = _listenable(host, port)
    _check_open_to(address, settings)
    # A folder of its own: servers that share BentoML's home delete each other's metrics when they start.
    with tempfile.TemporaryDirectory(prefix="memeguard-") as home:
        os.environ.update(to_env(flags) | to_env(_absolute_paths(settings)))
        os.environ.setdefault("BENTOML_HOME", home)
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        os.environ["BENTOML_CONFIG_OVERRIDES"] = json.dumps({"services": {"memeguard": {"workers": workers}}})
        grace = str(math.ceil(settings.grace_s))
        _run_bentoml(["serve", SERVICE, "--host", address, "--port", str(port), "--timeout-graceful-shutdown", grace])


def _run_bentoml(arguments: list[str]) -> None:
    """Give this process to BentoML's own command line, which stops at SIGTERM and ends with SystemExit."""
    from bentoml_cli.cli import cli  # noqa: PLC0415  BentoML reads the environment when it is imported

    root = Path(__file__).parents[2]
    cli([*arguments, "--working-dir", str(root)])


def _absolute_paths(settings: Settings) -> dict[str, Path | str]:
    """Settings that are paths: BentoML's workers run in another folder.

    The bundle stays the one that was checked. Other files are read again, and a link may then lead to new contents.
    """
    paths: dict[str, Path | str] = {key: value.absolute() for key, value in settings if isinstance(value, Path)}
    paths["bundle"] = settings.bundle.resolve()
    if settings.shadow_policy is not None:
        paths["shadow_policy"] = absolute_choice(settings.shadow_policy)
    return paths


def _check_open_to(address: str, settings: Settings) -> None:
    """Refuse to listen beyond this machine without keys, unless that was asked for by name."""
    if is_loopback(address) or settings.keys_file or settings.allow_anonymous:
        return
    raise ListenError(
        f"--host {address} is open to other machines, and there are no API keys. Make one with `memeguard keys create "
        "NAME --file keys.json` and serve with --keys-file keys.json; or, if all who can reach this address may use "
        "it, say --allow-anonymous"
    )


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
