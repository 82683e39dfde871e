"""Command ``memeguard keys``: make, list and revoke the API keys of a server."""

import json
from pathlib import Path

import click

from serving.commands.options import json_option
from serving.commands.tables import print_keys
from serving.security.key_file import KeyFileError, change_keys, read_keys
from serving.security.keys import SCOPES, KeyEntry, KeyList, KeyScope, check_name, new_key
from serving.security.token_bucket import Rate

file_option = click.option(
    "--file",
    "path",
    envvar="MEMEGUARD_KEYS_FILE",
    show_envvar=True,
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The keys file.",
)


@click.group()
def keys() -> None:
    """API keys of a server. It follows the keys file: a change is in force within a second, without a restart."""


@keys.command()
@click.argument("name")
@click.option("--rate", help="Most requests: COUNT/UNIT[:BURST], such as 600/min or 600/min:50; default: no limit.")
@click.option("--meme-rate", help="Most memes, in the same form; default: no limit.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=["classify"],
    show_default=True,
    help="What the key may do; may be repeated. feedback: read decisions and say what they should have been, which "
    "training learns from; jobs: batch runs; admin: delete decisions.",
)
@file_option
def create(name: str, rate: str | None, meme_rate: str | None, scopes: tuple[KeyScope, ...], path: Path) -> None:
    """Make a key and print it. This is the only time: the file keeps a hash."""
    try:
        for text in filter(None, (rate, meme_rate)):
            Rate.parse(text)
        check_name(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    key, entry = new_key(name, tuple(dict.fromkeys(scopes)), rate, meme_rate)
    change_keys(path, lambda before: _with(before, entry, path))
    click.echo(key)
    click.echo(
        f"This key is shown only now. {path} holds its hash; a server with that file knows it at once.", err=True
    )


@keys.command(name="list")
@json_option
@file_option
def list_keys(as_json: bool, path: Path) -> None:
    """Show the keys by name: what each may do, its rates and its age, and never its hash."""
    entries = read_keys(path).keys
    if not as_json:
        print_keys(entries)
        return
    for entry in entries:
        click.echo(json.dumps(entry.model_dump(mode="json", exclude={"sha256"})))


@keys.command()
@click.argument("name")
@file_option
def revoke(name: str, path: Path) -> None:
    """Take a key out of the file: requests with it are answered with 401 from the next second on."""
    read_keys(path)  # without a file there is nothing to revoke, and none is made
    change_keys(path, lambda before: _without(before, name, path))
    click.echo(f"revoked {name}", err=True)


def _with(before: KeyList, entry: KeyEntry, path: Path) -> KeyList:
    if any(one.name == entry.name for one in before.keys):
        raise KeyFileError(f"{path} has a key {entry.name} already; revoke it first, or choose another name")
    return KeyList(keys=(*before.keys, entry))


def _without(before: KeyList, name: str, path: Path) -> KeyList:
    left = tuple(one for one in before.keys if one.name != name)
    if len(left) == len(before.keys):
        known = ", ".join(one.name for one in before.keys) or "none"
        raise KeyFileError(f"{path} has no key {name}; there are: {known}")
    return KeyList(keys=left)
