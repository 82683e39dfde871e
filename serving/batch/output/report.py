"""The summary of a run as one HTML file: counts and score histograms; no words, no pictures, no ids."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from model import Policy
from model.atomic import write_atomically
from model.verdict import DECISIONS
from serving.batch.output.manifest import Totals

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c6570; --line: #d5d9de; --paper: #fff; --panel: #f5f7f9;
  --allow: #4a8f6a; --review: #d19a2a; --block: #b8453c; --error: #8a93a0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #a3abb5; --line: #3a4149; --paper: #15181c;
  --panel: #1e2328; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 3rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; } header p { margin: .2rem 0 1.2rem; color: var(--soft); }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .7rem; } q { quotes: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; padding: 1rem 1.2rem;
  background: var(--panel); border-radius: .4rem; }
dt, figcaption, .axis, footer { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 20rem; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { border-bottom-width: 2px; font-weight: 600; }
th:nth-child(n+2), td:nth-child(n+2) { text-align: right; padding: .3rem 0 .3rem 1.2rem; }
.allow { background: var(--allow); } .review { background: var(--review); } .block { background: var(--block); }
.error, .none { background: var(--error); }
.key { display: inline-block; width: .8rem; height: .8rem; margin-right: .6rem; border-radius: .15rem; }
.stack { display: flex; height: 1.6rem; gap: 2px; margin-bottom: .9rem; border-radius: .3rem; overflow: hidden; }
.stack i { flex-basis: 0; min-width: 2px; }
figure { margin: 0 0 2.2rem; } figcaption b { color: var(--ink); margin-right: .6rem; }
.plot { position: relative; display: flex; align-items: flex-end; gap: 2px; height: 14rem; padding-top: 3.2rem;
  border-bottom: 1px solid var(--soft); }
.plot i { flex: 1; border-radius: .15rem .15rem 0 0; }
.mark { position: absolute; top: 0; bottom: 0; margin: 0; padding-left: .4rem; font-size: .85rem; white-space: nowrap;
  background: none; border-left: 2px dashed var(--ink); }
.mark.block { padding-top: 1.4rem; } .mark.left { border-left: 0; border-right: 2px dashed var(--ink);
  padding: 0 .4rem 0 0; transform: translateX(-100%); } .mark.block.left { padding-top: 1.4rem; }
.mark:not(.review, .block) { border: 0; padding: 0; }
.axis { display: flex; justify-content: space-between; font-size: .85rem; font-variant-numeric: tabular-nums; }
footer { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .9rem; }
@media print { :root { color-scheme: light; } * { print-color-adjust: exact; } figure, tr { break-inside: avoid; } }
"""


REPORT = "report.html"
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
    counts: dict[str, int] = {name: totals.decisions[name] for name in DECISIONS}
    counts["error"] = totals.errors.total()
    parts = "".join(f'<i class="{name}" style="flex-grow:{count}"></i>' for name, count in counts.items() if count)
    return f'<div class="stack" aria-hidden="true">{parts}</div>'


def _decisions(totals: Totals) -> str:
    counts = [*((name, totals.decisions[name]) for name in DECISIONS), ("error", totals.errors.total())]
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
    return "none" if limits is None else limits.met(score) or "allow"


def _marks(task: str, policy: Policy) -> str:
    """Upright lines where the policy's thresholds are."""
    limits = policy.thresholds.get(task)
    if limits is None:
        return '<p class="mark" style="left:0">no threshold in this policy</p>'
    return "".join(
        f'<p class="mark {name}{" left" * (at > 0.5)}" style="left:{100 * at:.1f}%">{name} at {at:.3f}</p>'
        for name, at in limits.bounds.items()
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr></thead><tbody>{cells}</tbody></table>"
    )


def _share(count: int, totals: Totals) -> str:
    return f"{count / max(1, totals.n_rows):.1%}"
