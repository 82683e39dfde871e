"""Options that several subcommands share. Unset, one leaves the default of ``model.load`` or the environment."""

import re
from pathlib import Path

import click

from model.engine import ENGINE_CHOICES
from model.ocr import ENGINES, LANGUAGES_PATTERN


def _languages(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.match(LANGUAGES_PATTERN, value):
        raise click.BadParameter('names of tesseract\'s language packs with "+" between them, such as eng+rus')
    return value


bundle_option = click.option(
    "--bundle", type=click.Path(path_type=Path), help="Bundle folder; default: the one that ships."
)
ocr_option = click.option("--ocr", type=click.Choice(ENGINES), help="OCR engine; default: rapidocr.")
ocr_languages_option = click.option(
    "--ocr-languages", metavar="LANG[+LANG]", callback=_languages, help="Languages that tesseract reads; default: eng."
)
engine_option = click.option(
    "--engine",
    type=click.Choice(ENGINE_CHOICES),
    help="What computes the networks; default: auto, for each what is measured to be the fastest on a CPU.",
)
provider_option = click.option(
    "--provider", type=click.Choice(["cpu", "cuda"]), help="Older name: cuda is --engine cuda, cpu any other."
)
threads_option = click.option("--threads", type=click.IntRange(1), help="Cores that one meme may use; default: all.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
