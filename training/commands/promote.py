"""``memeguard promote``: a challenger against the champion on the same memes; the winner becomes current."""

import json
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import ValidationError
from rich.console import Console

from model.bundle import open_bundle
from model.ocr import ENGINES, make_engine
from training.atomic import write_atomically
from training.datasets import LAYOUTS, Source, parse_source
from training.evaluation.words import WordsFrom
from training.promotion.compare import Named, Setup, compare
from training.promotion.decide import Verdict, judge
from training.promotion.report import print_verdict, render_markdown
from training.promotion.rules import (
    MEANINGS,
    Finding,
    Limits,
    PromotionError,
    check_answers,
    check_measured,
    check_names,
)
from training.promotion.store import CURRENT, Store, tag_of
from training.promotion.succession import install_first, now, succeed, who

_FOLDER = click.Path(path_type=Path)
_RULES = "\n".join(f"  {name}: {meaning}" for name, meaning in MEANINGS.items())


@click.command(epilog=f"\b\nRules, by the names that --override takes:\n{_RULES}")
@click.argument("challenger", required=False)
@click.option("--champion", help=f"Folder, tag of the store, or {CURRENT!r}; default: {CURRENT}.")
@click.option("--data", multiple=True, metavar="PATH[:SPLIT]", help="Labelled memes to compare on; may be repeated.")
@click.option("--split", default="dev", show_default=True, help="Split of a --data that names none.")
@click.option(
    "--layout", type=click.Choice(list(LAYOUTS)), help="Layout of every --data; default: told from its files."
)
@click.option("--label-map", nargs=2, multiple=True, metavar="VALUE TASK=CLASS", help="What a label of your own means.")
@click.option("--limit", type=click.IntRange(1), help="Score that many items of each set, spread evenly.")
@click.option("--first", is_flag=True, help="There is no champion yet: promote without a comparison.")
@click.option("--list", "list_", is_flag=True, help="Show what was promoted and what is current, and end.")
@click.option("--rollback", is_flag=True, help="Make the bundle before the current one current again, and end.")
@click.option("--dry-run", is_flag=True, help="Compare and report only; register nothing.")
@click.option("--require", type=click.Choice(["not-worse", "better"]), default="not-worse", show_default=True)
@click.option("--margin", type=click.FloatRange(0, 1), default=0.03, show_default=True, help="Loss that is let pass.")
@click.option("--max-group-regression", type=click.FloatRange(0, 1), default=0.1, show_default=True)
@click.option("--max-slowdown", type=click.FloatRange(0, min_open=True), default=1.5, show_default=True)
@click.option("--override", multiple=True, metavar="RULE", help="Promote although RULE is broken; needs --reason.")
@click.option("--reason", help="Why a rule is overridden, or why one rolls back; it is recorded.")
@click.option("--ocr", "words", type=click.Choice([n for n in get_args(WordsFrom) if n != "both"]), default="given")
@click.option("--engine", type=click.Choice(ENGINES), default="rapidocr", show_default=True, help="OCR engine.")
@click.option("--resamples", type=click.IntRange(100), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the resamples.")
@click.option("--cache", type=_FOLDER, help="Folder that keeps image features and OCR readings; training's own fits.")
@click.option("--provider", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Cores to use; default: all.")
@click.option("--out", type=_FOLDER, help="Folder of the report; default: promotion-NAME-VERSION-DIGEST.")
def promote(challenger: str | None, list_: bool, rollback: bool, **flags: Any) -> None:
    """Compare CHALLENGER with the champion on the same memes and, when no rule stands against it, make it current.

    Both are folders that `memeguard export` wrote, or tags of the store. The winner is copied into BentoML's model
    store (BENTOML_HOME, default ~/bentoml); `memeguard serve --bundle $BENTOML_HOME/memeguard/current` serves whatever
    is current when it starts. Give memes that neither bundle was trained on; those that the challenger's epochs and
    thresholds were chosen on flatter it.

    Writes report.json and report.md into --out, also when the challenger is refused. Ends with 0 when the challenger is
    current (or --dry-run passes), 1 when it is refused or something stood in the way, 2 for options that do not fit.
    """
    store = Store.open()
    if list_:
        _print_records(store)
    elif rollback:
        _roll_back(store, flags["reason"])
    elif challenger is None:
        raise click.UsageError("name the CHALLENGER's folder or tag, or ask for --list or --rollback")
    elif flags["first"]:
        _promote_first(store, challenger, flags)
    else:
        _promote(store, challenger, flags)


def _promote(store: Store, challenger: str, flags: dict[str, Any]) -> None:
    if not flags["data"]:
        raise click.UsageError("--data: give labelled memes to compare on (or --first, when there is no champion yet)")
    overrides = check_names(flags["override"])
    if overrides and not (flags["reason"] or "").strip():
        raise click.UsageError('--override needs --reason "...": it is recorded beside the promotion')
    limits = Limits(**{name: flags[name] for name in ("require", "margin", "max_group_regression", "max_slowdown")})
    before = store.current()
    mine = _named(store, challenger)
    champion = _named(store, flags["champion"] or CURRENT)
    if mine.bundle.digest == champion.bundle.digest:
        raise PromotionError(f"{challenger} and the champion are the same bundle: there is nothing to promote")
    folder = flags["out"] or Path(f"promotion-{tag_of(mine.bundle).replace(':', '-')}")
    findings = check_answers(champion.bundle.manifest, mine.bundle.manifest) + _other_champion(before, champion)
    comparison = compare(champion, mine, _sources(flags), _setup(flags))
    findings += check_measured(comparison, limits)
    verdict = judge(comparison, limits, findings, overrides, flags["reason"])
    documents = _documents(verdict)
    _write(folder, documents)
    print_verdict(verdict, Console())
    click.echo(f"Report: {folder / 'report.md'}")
    verdict.check()
    if not flags["dry_run"]:
        _print_current(store, succeed(store, mine.bundle, champion.bundle, before, verdict, documents))


def _promote_first(store: Store, challenger: str, flags: dict[str, Any]) -> None:
    if flags["data"] or flags["champion"] or flags["override"] or flags["dry_run"]:
        raise click.UsageError("--first compares nothing: leave --data, --champion, --override and --dry-run out")
    _print_current(store, install_first(store, _named(store, challenger).bundle, flags["reason"]))


def _roll_back(store: Store, reason: str | None) -> None:
    with store.locked():
        before = store.current()
        record = store.roll_back(now(), who(), reason)
    click.echo(f"Rolled back from {before}.")
    _print_current(store, record.tag)


def _named(store: Store, given: str) -> Named:
    return Named(given, open_bundle(store.find(given).resolve()))


def _other_champion(before: str | None, champion: Named) -> list[Finding]:
    """A challenger must beat what is current, and not some other bundle."""
    if before is None or before == tag_of(champion.bundle):
        return []
    return [Finding("other-champion", f"current is {before}; compare with --champion {CURRENT}")]


def _sources(flags: dict[str, Any]) -> list[Source]:
    label_map = dict(flags["label_map"]) or None
    layout = flags["layout"] or ("generic" if label_map else None)
    parsed = [parse_source(text, flags["split"], layout) for text in flags["data"]]
    try:
        return [
            Source(path=source.path, split=source.split, layout=layout, label_map=label_map, limit=flags["limit"])
            for source in parsed
        ]
    except ValidationError as error:
        raise PromotionError(f"--label-map: {error.errors()[0]['msg']}") from error


def _setup(flags: dict[str, Any]) -> Setup:
    return Setup(
        engine=make_engine(flags["engine"], threads=flags["threads"]),
        words=flags["words"],
        n_resamples=flags["resamples"],
        seed=flags["seed"],
        provider=flags["provider"],
        threads=flags["threads"],
        cache=flags["cache"],
        progress=True,
    )


def _documents(verdict: Verdict) -> dict[str, str]:
    document = {"at": now(), "by": who(), **verdict.to_dict()}
    return {
        "report.json": json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": render_markdown(verdict),
    }


def _write(folder: Path, documents: dict[str, str]) -> None:
    try:
        for name, content in documents.items():
            write_atomically(folder / name, content.encode("utf-8", "replace"))
    except OSError as error:
        raise PromotionError(f"--out {folder}: {error.strerror}; give a folder that can be written") from error


def _print_current(store: Store, tag: str) -> None:
    click.echo(f"Current: {tag}, in {store.folder(tag)}")
    click.echo(f"Serve it: memeguard serve --bundle {store.folder(tag)}")
    click.echo(f"Serve whatever is current: memeguard serve --bundle {store.current_link}")


def _print_records(store: Store) -> None:
    current = store.current()
    records = store.records()
    latest = max((place for place, record in enumerate(records) if record.tag == current), default=None)
    for place, record in enumerate(records):
        mark = "* " if place == latest else "  "
        before = f" after {record.previous}" if record.previous else ""
        click.echo(f"{mark}{record.tag}  {record.kind}{before}, {record.at}, by {record.by}")
        for name in dict.fromkeys(one["rule"] for one in record.overrides):
            click.echo(f"      {name} overridden: {record.reason}")
    if current is None:
        click.echo(f"Nothing is current in {store.home}.")
    else:
        _print_current(store, current)
