"""Options that several subcommands share. Unset, one leaves the default of ``model.load`` or the environment."""

from pathlib import Path

import click

from model.ocr import ENGINES

bundle_option = click.option(
    "--bundle", type=click.Path(path_type=Path), help="Bundle folder; default: the one that ships."
)
ocr_option = click.option("--ocr", type=click.Choice(ENGINES), help="OCR engine; default: rapidocr.")
provider_option = click.option(
    "--provider", type=click.Choice(["cpu", "cuda"]), help="Where the network runs; default: cpu."
)
threads_option = click.option("--threads", type=click.IntRange(1), help="Cores that one meme may use; default: all.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
