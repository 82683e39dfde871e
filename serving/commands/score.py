"""``memeguard score``: judge picture files."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from model import Failure, MemeError, Scorer, Verdict
from model.judge import ScoringError
from model.verdict import EXPLAIN_LEVELS, ExplainLevel
from serving.commands.options import json_option, scorer_options
from serving.commands.scoring import open_scorer
from serving.commands.tables import print_outcomes
from serving.requests.classify_body import split_tags

Outcome = tuple[Path, Verdict | Failure]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--text", help="The words on the picture (one FILE only); default: they are read from it.")
@click.option("--tags", multiple=True, help="Tags, separated by commas; may be repeated.")
@scorer_options
@click.option(
    "--explain", type=click.Choice(EXPLAIN_LEVELS), help="Tell why, in the JSON: words, regions too, or all there is."
)
@json_option
def score(
    files: tuple[Path, ...],
    text: str | None,
    tags: tuple[str, ...],
    explain: ExplainLevel | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Judge picture files. --json prints one line of JSON for each file, in the order given.

    Banks of the policy and memory are asked as they are now, in the ledger that MEMEGUARD_LEDGER_URL names.

    Ends with 1 when a file could not be judged; the others are judged all the same.
    """
    if explain and not as_json:
        raise click.UsageError("--explain is told in --json; `memeguard explain FILE` makes a page of it")
    if text is not None and len(files) > 1:
        raise click.UsageError("--text belongs to one picture; give one FILE, or leave --text out")
    all_tags = [tag for value in tags for tag in split_tags(value)]
    scorer = open_scorer(flags)
    outcomes = list(_shown(_judged(scorer, files, text, all_tags, explain), as_json))
    if not as_json:
        print_outcomes(outcomes)
    sys.exit(1 if any(isinstance(outcome, Failure) for _, outcome in outcomes) else 0)


def _judged(
    scorer: Scorer,
    files: Iterable[Path],
    text: str | None,
    tags: list[str],
    explain: ExplainLevel | None,
) -> Iterator[Outcome]:
    for file in files:
        try:
            yield file, scorer.score_file(file, text=text, tags=tags, explain=explain or False)
        except (MemeError, ScoringError) as error:
            yield file, Failure(str(file), error.code, str(error))


def _shown(outcomes: Iterable[Outcome], as_json: bool) -> Iterator[Outcome]:
    """Print each outcome as a line of JSON as soon as it is known, if JSON was asked for."""
    for file, outcome in outcomes:
        if as_json:
            click.echo(json.dumps({"file": str(file)} | outcome.to_dict(), ensure_ascii=False))
        yield file, outcome
