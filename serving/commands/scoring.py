"""Scorer of the commands that judge picture files here, as their flags ask for, with what it asks in the ledger."""

from collections.abc import Sequence
from typing import Any

import click

from model import Scorer, load, open_bundle
from model.bundle import COMPACT_BUNDLE
from model.known.category_file import category_names
from model.policy.file import chosen_policy
from serving.commands.ledger import asked_ledger
from serving.known.bank_follower import missing_warning
from serving.known.bank_retro import load_banks
from serving.known.bank_store import summaries
from serving.known.memory.follower import fitted, votes_told
from serving.known.memory.store import stored_memes
from serving.ledger.database import Database


def open_scorer(flags: dict[str, Any]) -> Scorer:
    """A scorer that asks what the flags want; says on stderr what that is, and what is missing or could be faster."""
    choice, memory = flags.pop("policy"), flags.pop("memory")
    given = {key: value for key, value in flags.items() if value is not None}
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
