"""The summary of a run as one HTML file: counts and score histograms, no words and no pictures."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from model import Policy
from model.atomic import write_atomically
from serving.batch.finish import Totals

REPORT = "report.html"
_COLOURS = {"allow": "#4a8f5a", "review": "#c99a2e", "block": "#b3423a"}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 0 0 1.5rem; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } code { font-size: .9em; overflow-wrap: anywhere; }
.bar { display: inline-block; height: .8rem; background: #667; }
.histogram { display: flex; align-items: flex-end; height: 9rem; gap: 2px; border-bottom: 1px solid #888; }
.histogram div { flex: 1; background: #667; } .axis { display: flex; justify-content: space-between; }
"""


def write_report(out: Path, manifest: Mapping[str, Any], totals: Totals, policy: Policy) -> Path:
    """Write ``report.html`` of a finished run beside its manifest."""
    judges, timings = manifest["judges"], manifest["timings"]
    facts = {
        "input": manifest["input"]["address"],
        "items": f"{manifest['input']['n_items']:,}",
        "finished": manifest["finished_at"],
        "model": f"{judges['model_name']} {judges['model_version']} ({judges['model_digest'][:12]})",
        "policy": f"{judges['policy_name']} {judges['policy_version']} ({judges['policy_digest'][:12]})",
        "OCR": judges["ocr"],
        "time": f"{timings['seconds']:,.0f} s in {len(timings['sessions'])} sessions",
    }
    parts = [
        "<h1>Batch run</h1>",
        _table((f"<td>{escape(name)}</td><td><code>{escape(value)}</code></td>" for name, value in facts.items())),
        f"<h2>Decisions of policy {escape(policy.name)}</h2>",
        _bars(totals.decisions, totals.n_rows),
        "<h2>Errors</h2>",
        _bars(totals.errors, totals.n_rows) if totals.errors else "<p>None.</p>",
        *(_histogram(task, counts.tolist(), policy) for task, counts in totals.histograms.items()),
        "<p>A score is an aid to a moderator and no finding of fact; the model card says what it cannot do.</p>",
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch run</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
    write_atomically(out / REPORT, page.encode())
    return out / REPORT


def _bars(counts: Mapping[str, int], total: int) -> str:
    return _table(
        f'<td>{escape(name)}</td><td class="n">{count:,}</td><td class="n">{count / max(1, total):.1%}</td>'
        f'<td><span class="bar" style="width:{20 * count / max(1, total):.2f}rem;'
        f'background:{_COLOURS.get(name, "#667")}"></span></td>'
        for name, count in sorted(counts.items())
    )


def _histogram(task: str, counts: list[int], policy: Policy) -> str:
    """Counts in equal bins of 0 to 1, as columns."""
    highest = max([1, *counts])
    columns = "".join(
        f'<div style="height:{100 * count / highest:.1f}%" '
        f'title="{place / len(counts):.2f} to {(place + 1) / len(counts):.2f}: {count:,}"></div>'
        for place, count in enumerate(counts)
    )
    return (
        f"<h2>Scores of {escape(task)}</h2><p>{_thresholds(task, policy)}</p>"
        f'<div class="histogram">{columns}</div><div class="axis"><span>0</span><span>0.5</span><span>1</span></div>'
    )


def _thresholds(task: str, policy: Policy) -> str:
    limits = policy.thresholds.get(task)
    if limits is None:
        return "The policy has no threshold for this task."
    block = f"at {limits.block:.3f} it blocks" if limits.blocks else "it never blocks by this score"
    return f"At {limits.review:.3f} the policy asks for review; {block}."


def _table(rows: Iterable[str]) -> str:
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
