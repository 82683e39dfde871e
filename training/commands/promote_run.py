"""``memeguard promote`` behind its flags: the comparison, its report, the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from model.atomic import write_atomically
from model.bundle import open_bundle
from training.commands.options import DataOptions, SetupOptions, writable
from training.datasets import load_source
from training.evaluation.evaluate_set import LabelledSet, labelled_set
from training.promotion.compare import Named, compare, shared_tasks
from training.promotion.decide import PromotionVerdict, judge
from training.promotion.false_alarms import with_notes
from training.promotion.report import print_verdict, render_markdown
from training.promotion.results import ShadowRun
from training.promotion.rules import Finding, Limits, PromotionError, check_answers, check_measured, check_names
from training.promotion.shadow import check_shadow, read_shadow_run
from training.promotion.store import CURRENT, Store, tag_of
from training.promotion.succession import install_first, now, succeed, who


@dataclass(frozen=True, kw_only=True)
class PromoteOptions(DataOptions, SetupOptions):
    """What ``memeguard promote`` was asked for; its ``--help`` says what each means."""

    challenger: str | None
    champion: str | None
    first: bool
    list_: bool
    rollback: bool
    dry_run: bool
    require: Literal["not-worse", "better"]
    margin: float
    max_group_regression: float
    max_group_false_alarm: float | None
    min_group_items: int
    max_slowdown: float
    shadow_report: Path | None
    min_shadow_decisions: int
    max_review_share: float | None
    override: tuple[str, ...]
    reason: str | None
    out: Path | None


def run(asked: PromoteOptions) -> None:
    """What the options ask for: a list, a way back, a first bundle, or a comparison with the champion."""
    store = Store.open()
    if asked.list_:
        _print_records(store)
    elif asked.rollback:
        _roll_back(store, asked.reason)
    elif asked.challenger is None:
        raise click.UsageError("name the CHALLENGER's folder or tag, or ask for --list or --rollback")
    elif asked.first:
        _promote_first(store, asked.challenger, asked)
    else:
        _promote(store, asked.challenger, asked)


def _promote(store: Store, challenger: str, asked: PromoteOptions) -> None:
    if not asked.data:
        raise click.UsageError("--data: give labelled memes to compare on (or --first, when there is no champion yet)")
    overrides = check_names(asked.override)
    if overrides and not (asked.reason or "").strip():
        raise click.UsageError('--override needs --reason "...": it is recorded beside the promotion')
    limits = Limits(
        require=asked.require,
        margin=asked.margin,
        max_group_regression=asked.max_group_regression,
        max_group_false_alarm=asked.max_group_false_alarm,
        min_group_items=asked.min_group_items,
        max_slowdown=asked.max_slowdown,
        min_shadow_decisions=asked.min_shadow_decisions,
        max_review_share=asked.max_review_share,
    )
    before = store.current()
    mine = _named(store, challenger)
    champion = _named(store, asked.champion or CURRENT)
    if mine.bundle.digest == champion.bundle.digest:
        raise PromotionError(f"{challenger} and the champion are the same bundle: there is nothing to promote")
    shadow = _shadow(asked, mine, champion)
    sets = _sets(champion, mine, asked)
    folder = writable(asked.out or Path(f"promotion-{tag_of(mine.bundle).replace(':', '-')}"))
    findings = check_answers(champion.bundle.manifest, mine.bundle.manifest) + _other_champion(before, champion)
    comparison = with_notes(compare(champion, mine, sets, asked.setup()), limits)
    findings += check_measured(comparison, limits)
    if shadow is not None:
        comparison = replace(comparison, shadow=shadow)
        findings += check_shadow(shadow, limits)
    verdict = judge(comparison, limits, findings, overrides, asked.reason)
    documents = _documents(verdict)
    _write(folder, documents)
    print_verdict(verdict, Console())
    click.echo(f"Report: {folder / 'report.md'}")
    verdict.check()
    if not asked.dry_run:
        _print_current(store, succeed(store, mine.bundle, champion.bundle, before, verdict, documents))


def _shadow(asked: PromoteOptions, challenger: Named, champion: Named) -> ShadowRun | None:
    if asked.shadow_report is not None:
        return read_shadow_run(asked.shadow_report, challenger.bundle, champion.bundle)
    if asked.max_review_share is not None:
        raise click.UsageError("--max-review-share is held against live traffic: give --shadow-report as well")
    return None


def _promote_first(store: Store, challenger: str, asked: PromoteOptions) -> None:
    if asked.data or asked.champion or asked.override or asked.dry_run or asked.shadow_report:
        raise click.UsageError(
            "--first compares nothing: leave --data, --champion, --override, --dry-run and --shadow-report out"
        )
    _print_current(store, install_first(store, _named(store, challenger).bundle, asked.reason))


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


def _sets(champion: Named, challenger: Named, asked: PromoteOptions) -> list[LabelledSet]:
    """The sets, read; none for bundles that answer nothing alike, which a rule names."""
    tasks = shared_tasks(champion.bundle, challenger.bundle)
    return [labelled_set(str(s), load_source(s), tasks) for s in asked.sources("dev")] if tasks else []


def _documents(verdict: PromotionVerdict) -> dict[str, str]:
    document = {"at": now(), "by": who(), **verdict.to_dict()}
    return {
        "report.json": json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": render_markdown(verdict),
    }


def _write(folder: Path, documents: Mapping[str, str]) -> None:
    for name, content in documents.items():
        write_atomically(folder / name, content.encode("utf-8", "replace"))


def _print_current(store: Store, tag: str) -> None:
    click.echo(f"Current: {tag}, in {store.folder(tag)}")
    click.echo(f"Serve it: memeguard serve --bundle {store.folder(tag)}")
    click.echo(f"Serve whatever is current: memeguard serve --bundle {store.current_link}")


def _print_records(store: Store) -> None:
    current = store.current()
    records = store.records()
    latest = max((index for index, record in enumerate(records) if record.tag == current), default=None)
    for index, record in enumerate(records):
        mark = "* " if index == latest else "  "
        before = f" after {record.previous}" if record.previous else ""
        click.echo(f"{mark}{record.tag}  {record.kind}{before}, {record.at}, by {record.by}")
        for name in dict.fromkeys(one["rule"] for one in record.overrides):
            click.echo(f"      {name} overridden: {record.reason}")
    if current is None:
        click.echo(f"Nothing is current in {store.home}.")
    else:
        _print_current(store, current)
