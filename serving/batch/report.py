"""The summary of a run as one HTML file: counts and score histograms; no words, no pictures, no ids."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from model import Policy
from model.atomic import write_atomically
from serving.batch.finish import Totals
from serving.batch.report_style import STYLE

REPORT = "report.html"
_DECISIONS = ("allow", "review", "block")
_DIGEST_CHARS = 12


def write_report(out: Path, manifest: Mapping[str, Any], totals: Totals, policy: Policy) -> Path:
    """Write ``report.html`` of a finished run beside its manifest."""
    sections = [
        f"<header><h1>Batch run</h1><p>{totals.n_rows:,} items, {_share(totals.errors.total(), totals)} of them "
        f"without a verdict</p></header>{_facts(manifest)}",
        f"<h2>Decisions of policy <q>{escape(policy.name)}</q></h2>{_stack(totals)}{_decisions(totals)}",
        _unread(totals),
        f"<h2>Errors</h2>{_errors(totals)}",
        "<h2>Scores</h2>",
        *(_histogram(task, counts.tolist(), policy) for task, counts in totals.histograms.items()),
        "<footer>A score is an aid to a moderator and no finding of fact; the model card says what it cannot do."
        "</footer>",
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch run</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{STYLE}</style></head><body>{''.join(sections)}</body></html>"
    )
    write_atomically(out / REPORT, page.encode("utf-8", "backslashreplace"))
    return out / REPORT


def _facts(manifest: Mapping[str, Any]) -> str:
    judges, timings = manifest["judges"], manifest["timings"]
    n_sessions = len(timings["sessions"])
    facts = {
        "Input": manifest["input"]["address"],
        "Finished": manifest["finished_at"],
        "Time": f"{timings['seconds']:,.0f} s in {n_sessions} session{'s' * (n_sessions != 1)}",
        "Model": f"{judges['model_name']} {judges['model_version']} ({judges['model_digest'][:_DIGEST_CHARS]})",
        "Policy": f"{judges['policy_name']} {judges['policy_version']} ({judges['policy_digest'][:_DIGEST_CHARS]})",
        "OCR": judges["ocr"],
    }
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{escape(value)}</dd>' for name, value in facts.items())}</dl>"


def _stack(totals: Totals) -> str:
    """All items as one bar; the table below it says the same in numbers."""
    counts = {**{name: totals.decisions[name] for name in _DECISIONS}, "error": totals.errors.total()}
    parts = "".join(f'<i class="{name}" style="flex-grow:{count}"></i>' for name, count in counts.items() if count)
    return f'<div class="stack" aria-hidden="true">{parts}</div>'


def _decisions(totals: Totals) -> str:
    counts = [*((name, totals.decisions[name]) for name in _DECISIONS), ("error", totals.errors.total())]
    return _table(
        ("decision", "items", "share"),
        [(f'<i class="key {name}"></i>{name}', f"{count:,}", _share(count, totals)) for name, count in counts],
    )


def _unread(totals: Totals) -> str:
    if not totals.n_unread:
        return ""
    share = _share(totals.n_unread, totals)
    return f"<p>In {totals.n_unread:,} items ({share}) the words could not be read: they are never allowed.</p>"


def _errors(totals: Totals) -> str:
    if not totals.errors:
        return "<p>None: every item has a verdict.</p>"
    return _table(
        ("cause", "items", "share"),
        [(escape(code), f"{count:,}", _share(count, totals)) for code, count in totals.errors.most_common()],
    )


def _histogram(task: str, counts: list[int], policy: Policy) -> str:
    """Counts in equal bins of 0 to 1, as columns in the colour of what the policy makes of such a score."""
    highest = max([1, *counts])
    columns = "".join(
        f'<i class="{_zone(task, (place + 0.5) / len(counts), policy)}" style="height:{100 * count / highest:.1f}%" '
        f'title="{place / len(counts):.2f} to {(place + 1) / len(counts):.2f}: {count:,}"></i>'
        for place, count in enumerate(counts)
    )
    ticks = "".join(f"<span>{tick / 4:g}</span>" for tick in range(5))
    return (
        f"<figure><figcaption><b>{escape(task)}</b> {sum(counts):,} scores; the highest column has {highest:,}"
        f'</figcaption><div class="plot">{columns}{_marks(task, policy)}</div><div class="axis">{ticks}</div></figure>'
    )


def _zone(task: str, score: float, policy: Policy) -> str:
    limits = policy.thresholds.get(task)
    if limits is None:
        return "none"
    if limits.blocks and score >= limits.block:
        return "block"
    return "review" if score >= limits.review else "allow"


def _marks(task: str, policy: Policy) -> str:
    """Upright lines where the policy's thresholds are."""
    limits = policy.thresholds.get(task)
    if limits is None:
        return '<p class="mark" style="left:0">no threshold in this policy</p>'
    wanted = [("review", limits.review), *([("block", limits.block)] if limits.blocks else [])]
    return "".join(
        f'<p class="mark {name}{" left" * (at > 0.5)}" style="left:{100 * at:.1f}%">{name} at {at:.3f}</p>'
        for name, at in wanted
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr></thead><tbody>{cells}</tbody></table>"
    )


def _share(count: int, totals: Totals) -> str:
    return f"{count / max(1, totals.n_rows):.1%}"
