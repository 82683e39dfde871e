"""Command ``memeguard inspect``: what a bundle is, after checking that it is whole."""

import json
from pathlib import Path

import click

from model import open_bundle
from model.bundle import COMPACT_BUNDLE
from serving.commands.options import json_option
from serving.commands.tables import print_bundle


@click.command()
@click.argument("bundle", required=False, default=COMPACT_BUNDLE, type=click.Path(path_type=Path))
@json_option
def inspect(bundle: Path, as_json: bool) -> None:
    """Check a bundle's digests and show what it is and how good it is; default: the bundle that ships."""
    opened = open_bundle(bundle)
    if not as_json:
        print_bundle(opened)
        return
    sizes = {name: opened.file(name).stat().st_size for name in opened.manifest.files}
    document = {"digest": opened.digest, "size_bytes": sizes, "manifest": opened.manifest.model_dump(mode="json")}
    click.echo(json.dumps(document, ensure_ascii=False))
