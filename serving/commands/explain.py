"""Command ``memeguard explain``: why a picture file got its scores, as a page or as JSON."""

import json
from pathlib import Path
from typing import Any

import click

from model import Meme
from model.verdict import EXPLAIN_LEVELS, ExplainLevel
from serving.commands.options import json_option, scorer_options
from serving.commands.scoring import open_scorer
from serving.explanation.page import write_explanation_page
from serving.requests.classify_body import split_tags


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--text", help="The words on the picture; default: they are read from it.")
@click.option("--tags", multiple=True, help="Tags, separated by commas; may be repeated.")
@click.option(
    "--level",
    type=click.Choice(EXPLAIN_LEVELS),
    default="full",
    show_default=True,
    help="How much: effects of words, of regions of the picture too, or all there is; each takes longer.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page, which holds the picture. One of --out and --json is needed.",
)
@scorer_options
@json_option
def explain(
    file: Path,
    text: str | None,
    tags: tuple[str, ...],
    level: ExplainLevel,
    out: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Judge FILE and tell which of its words and regions moved the scores.

    --out writes one page that loads nothing: the picture with its heat map, boxes and words. --json prints the verdict
    with its explanation.
    """
    if out is None and not as_json:
        raise click.UsageError("say where to write the page (--out why.html), or ask for --json")
    scorer = open_scorer(flags)
    all_tags = [tag for value in tags for tag in split_tags(value)]
    meme = Meme.from_file(file, text=text, tags=all_tags, limits=scorer.limits)
    verdict = scorer.score_meme(meme, explain=level)
    if as_json:
        click.echo(json.dumps({"file": str(file)} | verdict.to_dict(), ensure_ascii=False))
    if out is not None:
        write_explanation_page(out, file.name, meme, verdict, scorer.policy)
        click.echo(f"{verdict.decision}: {out} says why", err=as_json)
