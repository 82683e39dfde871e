"""Command ``memeguard drift``: whether what comes in, or what is said of it, is another than before."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from model.atomic import write_atomically
from serving.commands.ledger import opened_ledger
from serving.commands.tables import plain
from serving.drift.compare import Finding, Limits, compare, summary
from serving.drift.errors import DriftError
from serving.drift.page import as_html
from serving.drift.report import as_json, read_baseline
from serving.drift.window import Period, Window, read_window

_MOMENT = click.DateTime()
#: Columns of a table that is written into a file.
_FILE_WIDTH = 160


@click.command()
@click.option("--ledger", "url", metavar="URL", help="Database; default: MEMEGUARD_LEDGER_URL.")
@click.option("--from", "start", type=_MOMENT, required=True, help="Where the window begins (UTC).")
@click.option("--to", "end", type=_MOMENT, required=True, help="Where it ends; this moment is not in it (UTC).")
@click.option(
    "--against",
    type=_MOMENT,
    nargs=2,
    metavar="START END",
    help="The window to compare with; default: the one of the same length right before.",
)
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A report in JSON, whose window is compared with instead.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True),
    default=Limits.alpha,
    show_default=True,
    help="Share of false discoveries among the differences that are found.",
)
@click.option(
    "--psi",
    type=click.FloatRange(0),
    default=Limits.psi,
    show_default=True,
    help="Population stability index from which on a difference is large enough to be told.",
)
@click.option(
    "--format",
    "as_",
    type=click.Choice(["table", "json", "html"]),
    default="table",
    show_default=True,
    help="Of what is written.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
@click.option(
    "--fail-over",
    type=click.FloatRange(0),
    metavar="PSI",
    help="End with 1 where something measured differs by more than this, or where too little was there to tell.",
)
def drift(
    url: str | None,
    start: datetime,
    end: datetime,
    against: tuple[datetime, datetime] | None,
    baseline: Path | None,
    alpha: float,
    psi: float,
    as_: str,
    out: Path | None,
    fail_over: float | None,
) -> None:
    """Compare two windows of decisions of the ledger: scores, words, scripts, OCR, bank matches, decisions.

    Drift is said where a difference is both no chance (tests, adjusted for their number) and large (PSI): among a
    million decisions every difference is significant. Pictures and words are not needed, nor read.
    """
    if against is not None and baseline is not None:
        raise click.UsageError("--against and --baseline both name what to compare with; give one")
    limits = Limits(alpha, psi)
    window, other = _windows(url, _period(start, end), None if against is None else _period(*against), baseline)
    findings = compare(window, other, limits)
    _write(window, other, limits, findings, as_, out)
    _check(findings, fail_over)


def _period(start: datetime, end: datetime) -> Period:
    return Period(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


def _windows(url: str | None, period: Period, against: Period | None, baseline: Path | None) -> tuple[Window, Window]:
    kept = None if baseline is None else read_baseline(baseline)
    with opened_ledger(url) as database, database.reading_one_moment() as connection:
        window = read_window(connection, period)
        other = kept or read_window(connection, against or period.before())
    if not window.decisions:
        raise DriftError(f"the ledger has no decisions from {period}")
    return window, other


def _write(
    window: Window, other: Window, limits: Limits, findings: Sequence[Finding], as_: str, out: Path | None
) -> None:
    if as_ == "table":
        held = io.StringIO()
        _print(Console() if out is None else Console(file=held, width=_FILE_WIDTH), window, other, limits, findings)
        if out is not None:
            write_atomically(out, held.getvalue().encode())
        return
    text = (as_json if as_ == "json" else as_html)(window, other, limits, findings)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomically(out, text.encode())


def _print(console: Console, window: Window, other: Window, limits: Limits, findings: Sequence[Finding]) -> None:
    table = Table(Column("distribution", overflow="fold"), "found", "change", "PSI", "adjusted p", "n", "n before")
    for finding in findings:
        numbers = ("", "") if finding.p_adjusted is None else (f"{finding.psi:.3f}", f"{finding.p_adjusted:.2g}")
        counts = (f"{finding.n:,}", f"{finding.n_against:,}")
        table.add_row(plain(finding.feature.name), _found(finding), plain(finding.change), *numbers, *counts)
    console.print(f"{window.period}: {window.decisions:,} decisions", highlight=False)
    console.print(f"against {other.period}: {other.decisions:,} decisions", highlight=False)
    console.print(table)
    console.print(f"{summary(findings)} ({_held(limits)})", highlight=False)


def _held(limits: Limits) -> str:
    return f"told where adjusted p is under {limits.alpha:g} and PSI {limits.psi:g} or more"


def _found(finding: Finding) -> str:
    if finding.test is None:
        return "too few"
    if finding.is_drift:
        return "[bold red]drift[/]"
    if finding.has_changed:
        return "a setting"
    return "small" if finding.is_significant else "none"


def _check(findings: Sequence[Finding], fail_over: float | None) -> None:
    """End with 1 where that was asked for."""
    if fail_over is None:
        return
    measured = [finding for finding in findings if finding.feature.role == "measured" and finding.psi is not None]
    if not measured:
        raise DriftError("there was too little in one of the windows to tell whether anything drifted")
    over = [one for one in measured if one.is_significant and one.psi is not None and one.psi > fail_over]
    if over:
        told = ", ".join(f"{finding.feature.name} ({finding.psi:.2f})" for finding in over)
        raise DriftError(f"over the stability index of {fail_over:g}: {told}")
