"""Tables that ``memeguard shadow report`` prints."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from serving.commands.tables import plain
from serving.review.figures.shadow.counts import Change, ShadowFigures
from serving.review.figures.shadow.labels import AgainstLabels
from serving.review.figures.shadow.report import ShadowReport
from serving.review.figures.shares import Share


def print_shadows(report: ShadowReport) -> None:
    """Each shadow: how much it judged, its flips, and what reviewers say."""
    console = Console()
    if not report.shadows:
        console.print("no shadow judged anything in this time (MEMEGUARD_SHADOW_POLICY, MEMEGUARD_SHADOW_BUNDLE)")
    for one in report.shadows:
        _print_shadow(one, console)


def _print_shadow(one: ShadowFigures, console: Console) -> None:
    subject = one.subject
    console.print(plain(f"{subject.kind} {subject.name} {subject.version}, digest {subject.digest[:12]}"), style="bold")
    console.print(
        f"{one.judged} of {one.sampled} chosen decisions judged ({one.memes} different memes); {one.dropped.hits} "
        f"dropped, {one.failed.hits} failed"
    )
    if one.dropped.hits:
        dropped, judged = _share(one.dropped_stopped), _share(one.judged_stopped)
        console.print(f"stopped in force: {dropped} of the dropped, {judged} of the judged")
    shares = [("sent to review", *_change(one.to_review)), ("stopped", *_change(one.stopped))]
    _print(console, ("", "in force", "shadow", "difference"), shares)
    console.print(f"{one.flips.hits} flips, {_share(one.flips)} of the judged")
    flips = [(flip.old, flip.new, str(flip.share.hits), _share(flip.share)) for flip in one.by_direction]
    _print(console, ("was", "would be", "decisions", "share"), flips)
    rules = [(flip.old, flip.new, flip.rule, str(flip.share.hits), _share(flip.share)) for flip in one.by_rule]
    _print(console, ("was", "would be", "by the rule", "decisions", "share"), rules)
    groups = [(found.group, str(found.flips.n), _share(found.flips), _share(found.stricter)) for found in one.by_group]
    _print(console, ("attacked", "memes", "flips", "to stricter"), groups)
    _print_labels(one, console)


def _print_labels(one: ShadowFigures, console: Console) -> None:
    found = one.labelled
    if not found.n:
        console.print("no labels of reviewers yet")
        return
    rows = [("in force", *_against(found.in_force)), ("shadow", *_against(found.shadow))]
    _print(console, (f"{found.n} with labels", "right", "false alarms", "misses"), rows)
    console.print(
        f"only the one in force right: {found.only_in_force}, only the shadow: {found.only_shadow} (McNemar's exact p "
        f"{found.p_value:.3f}); labels are mostly of what went to review, no sample of everything"
    )


def _print(console: Console, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*head)
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    if table.row_count:
        console.print(table)


def _against(found: AgainstLabels) -> tuple[str, str, str]:
    return _share(found.right), _share(found.false_alarms), _share(found.misses)


def _change(change: Change) -> tuple[str, str, str]:
    if change.difference is None:
        return "–", "–", "–"
    difference = f"{change.difference:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
    return _share(change.in_force), _share(change.shadow), difference


def _share(one: Share) -> str:
    return "–" if one.value is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
