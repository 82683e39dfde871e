"""``memeguard score``: judge picture files."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from model import Failure, MemeError, Scorer, Verdict, load, open_bundle
from model.bundle import COMPACT_BUNDLE
from model.judge import ScoringError
from model.known.category_file import category_names
from model.policy.file import chosen_policy
from serving.commands.ledger import asked_ledger
from serving.commands.options import (
    bundle_option,
    categories_option,
    engine_option,
    json_option,
    memory_option,
    ocr_languages_option,
    ocr_option,
    provider_option,
    threads_option,
)
from serving.commands.tables import print_outcomes
from serving.known.bank_follower import missing_warning
from serving.known.bank_retro import load_banks
from serving.known.bank_store import summaries
from serving.known.memory.follower import fitted, votes_told
from serving.known.memory.store import stored_memes
from serving.ledger.database import Database
from serving.requests.classify_body import split_tags

Outcome = tuple[Path, Verdict | Failure]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--text", help="The words on the picture (one FILE only); default: they are read from it.")
@click.option("--tags", multiple=True, help="Tags, separated by commas; may be repeated.")
@bundle_option
@ocr_option
@ocr_languages_option
@engine_option
@provider_option
@threads_option
@click.option("--policy", metavar="FILE[:NAME]", help="Policy that decides; default: the bundle's own.")
@memory_option
@categories_option
@json_option
def score(
    files: tuple[Path, ...], text: str | None, tags: tuple[str, ...], memory: bool | None, as_json: bool, **flags: Any
) -> None:
    """Judge picture files. --json prints one line of JSON for each file, in the order given.

    Banks of the policy and memory are asked as they are now, in the ledger that MEMEGUARD_LEDGER_URL names.

    Ends with 1 when a file could not be judged; the others are judged all the same.
    """
    if text is not None and len(files) > 1:
        raise click.UsageError("--text belongs to one picture; give one FILE, or leave --text out")
    all_tags = [tag for value in tags for tag in split_tags(value)]
    scorer = _open_scorer(memory, flags)
    outcomes = list(_shown(_judged(scorer, files, text, all_tags), as_json))
    if not as_json:
        print_outcomes(outcomes)
    sys.exit(1 if any(isinstance(outcome, Failure) for _, outcome in outcomes) else 0)


def _open_scorer(memory: bool | None, flags: dict[str, Any]) -> Scorer:
    """A scorer that asks what the flags want; says on stderr what that is, and what is missing or could be faster."""
    choice, given = flags.pop("policy"), {key: value for key, value in flags.items() if value is not None}
    policy = None
    if choice is not None:
        bundle, names = open_bundle(given.get("bundle", COMPACT_BUNDLE)), category_names(given.get("categories"))
        policy = chosen_policy(choice, bundle, names)
    banks = [] if policy is None else [rule.name for rule in policy.banks]
    with asked_ledger(banks=bool(banks), memory=memory) as database:
        votes = database is not None and memory is not False
        scorer = load(**given, policy=policy, fingerprints=bool(banks), features=votes)
        if database is not None:
            scorer = _asking(scorer, database, banks, memory)
    reason = scorer.ocr.unavailable_reason()
    if reason and scorer.ocr.name != "none":
        click.echo(f"Warning: OCR engine {scorer.ocr.name}: {reason}", err=True)
    for warning in scorer.readiness().warnings:
        click.echo(f"Warning: {warning}", err=True)
    return scorer


def _asking(scorer: Scorer, database: Database, names: Sequence[str], memory: bool | None) -> Scorer:
    """The scorer with the banks of these names and, unless ``memory`` is False, what is remembered."""
    with database.reading_one_moment() as connection:
        there = {one.bank.name for one in summaries(connection)} if names else set()
        index = load_banks(connection, [name for name in names if name in there])
        stored = [] if memory is False else stored_memes(connection, scorer.model.digest)
    memes = [meme for one in stored if (meme := one.remembered()) is not None]
    for name in names:
        if name not in there:
            click.echo(f"Warning: {missing_warning(name)}", err=True)
    if stored or memory:
        for line in votes_told(len(memes), len(stored) - len(memes)):
            click.echo(line, err=True)
    banks = (lambda fingerprint: index.answer(fingerprint, names)) if names else None
    return scorer.asking(banks, fitted(memes, scorer))


def _judged(scorer: Scorer, files: Iterable[Path], text: str | None, tags: list[str]) -> Iterator[Outcome]:
    for file in files:
        try:
            yield file, scorer.score_file(file, text=text, tags=tags)
        except (MemeError, ScoringError) as error:
            yield file, Failure(str(file), error.code, str(error))


def _shown(outcomes: Iterable[Outcome], as_json: bool) -> Iterator[Outcome]:
    """Print each outcome as a line of JSON as soon as it is known, if JSON was asked for."""
    for file, outcome in outcomes:
        if as_json:
            click.echo(json.dumps({"file": str(file)} | outcome.to_dict(), ensure_ascii=False))
        yield file, outcome
