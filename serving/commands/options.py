"""Options that several subcommands share. Unset, one leaves the default of ``model.load`` or the environment."""

import re
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from model.engine import ENGINE_CHOICES
from model.ocr import ENGINES, LANGUAGES_PATTERN


def _languages(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.match(LANGUAGES_PATTERN, value):
        raise click.BadParameter('names of tesseract\'s language packs with "+" between them, such as eng+rus')
    return value


def _together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One decorator of several options, in their order."""
    return lambda command: reduce(lambda so_far, option: option(so_far), reversed(options), command)


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
memory_option = click.option(
    "--memory/--no-memory",
    default=None,
    help="Whether what is remembered in the ledger votes, as in a server; default: where something is.",
)
categories_option = click.option(
    "--categories", type=click.Path(path_type=Path), metavar="FILE", help="YAML file of categories of one's own."
)
policy_option = click.option("--policy", metavar="FILE[:NAME]", help="Policy that decides; default: the bundle's own.")
#: Of commands that judge picture files here; see ``serving/commands/scoring.py``.
scorer_options = _together(
    bundle_option,
    ocr_option,
    ocr_languages_option,
    engine_option,
    provider_option,
    threads_option,
    policy_option,
    memory_option,
    categories_option,
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
#: Of commands that read an input as ``serving/batch`` does.
reading_options = _together(
    click.option("--id-column", default="id", show_default=True, help="Every row has one, and no two the same."),
    click.option("--image-column", default="image", show_default=True, help="Holds a path, an address or bytes."),
    click.option("--text-column", default="text", show_default=True, help="The words, where they are known."),
    click.option("--tags-column", default="tags", show_default=True, help="A list, or one text with commas."),
    click.option(
        "--allow-protocol",
        "protocols",
        metavar="NAME",
        multiple=True,
        help="How pictures may be read, beside as INPUT is: https, s3 and so on; may be repeated.",
    ),
    click.option(
        "--unit-rows",
        "partition_rows",
        type=click.IntRange(1),
        default=256,
        show_default=True,
        help="Rows of a shard, at most.",
    ),
    click.option(
        "--item-timeout",
        "item_timeout_s",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        default=120.0,
        show_default=True,
        help="An item that takes longer gets an error.",
    ),
)
worker_options = _together(
    click.option("--workers", type=click.IntRange(1), help="Processes, each with a model; default: one a core."),
    click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Cores of each worker."),
)
