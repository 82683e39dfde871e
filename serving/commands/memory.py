"""Command ``memeguard memory``: labelled memes that vote beside the network from the next request on."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from model import Scorer, load, open_bundle
from model.policy.file import chosen_policy
from serving.commands.ledger import opened_ledger, url_option
from serving.commands.memory_tables import print_flips, print_measured, print_memes
from serving.commands.options import bundle_option, json_option, ocr_languages_option, ocr_option
from serving.known.memory.follower import fitted
from serving.known.memory.labels import labelled_memes, parse_labels
from serving.known.memory.new_memes import Given, Said, new_memes
from serving.known.memory.store import RememberError, StoredMeme, add_meme, remove_memes, stored_memes
from serving.known.memory.trial import FlipCounts, Trial, measured, past_flips
from serving.settings import from_env, to_env

_meme_options = (
    click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]"),
    click.option("--text", help="The words on the picture, or words that stand alone (no FILE)."),
    click.option("--decision", "decisions", multiple=True, metavar="ID", help="A past decision; may be repeated."),
    click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="TASK=CLASS",
        help="Such as hateful=hateful; may be repeated. Of decisions, default: the reviewers' feedback.",
    ),
    click.option(
        "--weight",
        type=click.FloatRange(0, 100, min_open=True),
        default=1.0,
        show_default=True,
        help="How far the label is trusted.",
    ),
    bundle_option,
    ocr_option,
    ocr_languages_option,
    url_option,
)


def _with_meme(command: Any) -> Any:
    for option in reversed(_meme_options):
        command = option(command)
    return command


@click.group()
def memory() -> None:
    """Remember labelled memes: from the next request on they vote on memes that are like them, without training."""


@memory.command()
@_with_meme
@click.option("--owner", help="Who answers for it.")
@click.option("--note", help="Why it is there, on one line.")
@click.option("--keep", is_flag=True, help="Keep words and picture, so that another bundle can look at them.")
def add(owner: str | None, note: str | None, keep: bool, url: str | None, **given: Any) -> None:
    """Remember a meme of FILE or --text with its label, or past decisions with the labels that reviewers gave."""
    asked = _given(given)
    scorer = _scorer(given)
    with opened_ledger(url, create=True) as database, database.writing() as connection:
        for meme in new_memes(connection, scorer, asked, Said(owner, note, keep)):
            click.echo(add_meme(connection, meme, scorer.model.digest))


@memory.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@url_option
def remove(ids: tuple[str, ...], url: str | None) -> None:
    """Forget memes, with what was kept of them. Ends with 1 when one was not there."""
    with opened_ledger(url) as database, database.deleting() as connection:
        there = remove_memes(connection, ids)
    click.echo(f"{len(there)} memes forgotten")
    missing = [one for one in ids if one not in there]
    if missing:
        raise RememberError(f"no such meme: {', '.join(missing)}")


@memory.command("list")
@bundle_option
@json_option
@url_option
def list_(bundle: Path | None, as_json: bool, url: str | None) -> None:
    """Show what is remembered. What sleeps has no features of this bundle, and does not vote."""
    digest = open_bundle(_bundle(bundle)).digest
    with opened_ledger(url) as database, database.reading() as connection:
        found = stored_memes(connection, digest)
    if as_json:
        for one in found:
            click.echo(json.dumps(_object(one), ensure_ascii=False))
    else:
        print_memes(found)


def _object(one: StoredMeme) -> dict[str, Any]:
    told = {name: value for name, value in vars(one).items() if name != "features"}
    return told | {"created_at": one.created_at.isoformat(), "asleep": one.features is None}


@memory.command("try")
@_with_meme
@click.option("--policy", metavar="FILE[:NAME]", help="Policy that decides; default: the bundle's own.")
@click.option("--since", type=click.DateTime(), help="Only decisions made since then (UTC).")
@click.option(
    "--data",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labelled memes to measure on: JSON Lines, as `memeguard ledger export` writes them.",
)
@json_option
def try_(
    policy: str | None, since: datetime | None, table: Path | None, as_json: bool, url: str | None, **given: Any
) -> None:
    """Show what remembering a meme would change, and remember nothing: past decisions, and ranks of labelled memes.

    Without a meme it shows what the memory does that is in force.
    """
    scorer = _scorer(given)
    decided_by = chosen_policy(policy, scorer.bundle) if policy else scorer.policy
    moment = None if since is None else since.replace(tzinfo=UTC)
    counts = FlipCounts()
    with opened_ledger(url) as database:
        with database.reading() as connection:
            stored = stored_memes(connection, scorer.model.digest)
            tried = new_memes(connection, scorer, _given(given), Said()) if _is_given(given) else []
        trial = _trial(scorer, stored, [meme for one in tried if (meme := one.remembered()) is not None])
        flips = list(past_flips(database, trial, decided_by, scorer.model.digest, counts, moment))
    rows = [] if table is None else measured(scorer, labelled_memes(table, scorer), trial)
    if as_json:
        changes = [vars(one) | {"created_at": one.created_at.isoformat()} for one in flips]
        click.echo(json.dumps({"decisions": vars(counts), "changes": changes, "measured": [vars(one) for one in rows]}))
        return
    print_flips(flips, counts)
    if rows:
        print_measured(rows)


def _trial(scorer: Scorer, stored: list[StoredMeme], tried: list[Any]) -> Trial:
    """Beside the memory in force; of no new meme, the memory in force beside none."""
    known = [meme for one in stored if (meme := one.remembered()) is not None]
    in_force = fitted(known, scorer)
    return Trial(in_force, fitted([*known, *tried], scorer)) if tried else Trial(None, in_force)


def _scorer(given: dict[str, Any]) -> Scorer:
    """With features; takes its own options out of ``given``."""
    bundle, ocr, languages = (given.pop(name) for name in ("bundle", "ocr", "ocr_languages"))
    return load(_bundle(bundle), ocr=ocr or "rapidocr", ocr_languages=languages, features=True)


def _bundle(given: Path | None) -> Path:
    """That of the server's environment where none is given."""
    return given or from_env(os.environ | to_env({})).bundle


def _is_given(given: dict[str, Any]) -> bool:
    return bool(given["file"] or given["text"] or given["decisions"])


def _given(given: dict[str, Any]) -> Given:
    if not _is_given(given):
        raise click.UsageError("nothing to remember; give FILE, --text or --decision")
    if given["decisions"] and (given["file"] or given["text"]):
        raise click.UsageError("give FILE or --text, or --decision, but not both: each has its own labels")
    return Given(given["file"], given["text"], given["decisions"], parse_labels(given["labels"]), given["weight"])
