"""``memeguard score``: judge picture files."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from model import Failure, MemeError, Policy, Scorer, Verdict, load, open_bundle
from model.bundle import COMPACT_BUNDLE
from model.judge import ScoringError
from model.known.fingerprint import Fingerprint
from model.policy.file import chosen_policy
from model.policy.known_memes import BankAnswer
from serving.commands.ledger import opened_ledger
from serving.commands.options import (
    bundle_option,
    engine_option,
    json_option,
    ocr_languages_option,
    ocr_option,
    provider_option,
    threads_option,
)
from serving.commands.tables import print_outcomes
from serving.known.bank_retro import load_banks
from serving.known.bank_store import summaries
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
@json_option
def score(files: tuple[Path, ...], text: str | None, tags: tuple[str, ...], as_json: bool, **flags: Any) -> None:
    """Judge picture files. --json prints one line of JSON for each file, in the order given.

    Ends with 1 when a file could not be judged; the others are judged all the same.
    """
    if text is not None and len(files) > 1:
        raise click.UsageError("--text belongs to one picture; give one FILE, or leave --text out")
    all_tags = [tag for value in tags for tag in split_tags(value)]
    scorer = _open_scorer(flags)
    outcomes = list(_shown(_judged(scorer, files, text, all_tags, _banks(scorer.policy)), as_json))
    if not as_json:
        print_outcomes(outcomes)
    sys.exit(1 if any(isinstance(outcome, Failure) for _, outcome in outcomes) else 0)


def _open_scorer(flags: dict[str, Any]) -> Scorer:
    """A scorer as the flags ask for; says on stderr when its OCR engine is missing, or a faster engine."""
    choice, given = flags.pop("policy"), {key: value for key, value in flags.items() if value is not None}
    policy = None if choice is None else chosen_policy(choice, open_bundle(given.get("bundle", COMPACT_BUNDLE)))
    scorer = load(**given, policy=policy, fingerprints=policy is not None and bool(policy.banks))
    reason = scorer.ocr.unavailable_reason()
    if reason and scorer.ocr.name != "none":
        click.echo(f"Warning: OCR engine {scorer.ocr.name}: {reason}", err=True)
    for warning in scorer.readiness().warnings:
        click.echo(f"Warning: {warning}", err=True)
    return scorer


def _banks(policy: Policy) -> Callable[[Fingerprint], BankAnswer] | None:
    """What asks the policy's banks, in the ledger that the environment names; None: it has none."""
    names = [rule.name for rule in policy.banks]
    if not names:
        return None
    with opened_ledger(None) as database, database.reading() as connection:
        there = {one.bank.name for one in summaries(connection)}
        index = load_banks(connection, [name for name in names if name in there])
    return lambda fingerprint: index.answer(fingerprint, names)


def _judged(
    scorer: Scorer,
    files: Iterable[Path],
    text: str | None,
    tags: list[str],
    banks: Callable[[Fingerprint], BankAnswer] | None,
) -> Iterator[Outcome]:
    for file in files:
        try:
            yield file, scorer.score_file(file, text=text, tags=tags, banks=banks)
        except (MemeError, ScoringError) as error:
            yield file, Failure(str(file), error.code, str(error))


def _shown(outcomes: Iterable[Outcome], as_json: bool) -> Iterator[Outcome]:
    """Print each outcome as a line of JSON as soon as it is known, if JSON was asked for."""
    for file, outcome in outcomes:
        if as_json:
            click.echo(json.dumps({"file": str(file)} | outcome.to_dict(), ensure_ascii=False))
        yield file, outcome
